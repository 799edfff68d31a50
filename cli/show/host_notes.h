/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host uses each function for, as a person would say it: root, swap, /boot. */
#ifndef HOSTNOTES_H
#define HOSTNOTES_H

#include "host/host.h"

#define NOTES_MAX  1024
#define MOUNT_SIZE 64

enum purpose {
	FOR_ROOT,
	FOR_MOUNT, /* of a file system at note.mount */
	FOR_SWAP,
	FOR_STORAGE, /* in a way nobody can name */
	FOR_DEFAULT_ROUTE,
	FOR_NETWORK, /* in another way */
	FOR_KEYBOARD,
	FOR_BOOT_DISPLAY,
	FOR_FRAMEBUFFER,
};

struct host_note {
	size_t index; /* of the device */
	enum purpose purpose;
	char mount[MOUNT_SIZE];
};

struct host_notes {
	struct host *host;
	struct host_note notes[NOTES_MAX];
	size_t count;
};

/* Looks again at what the image's protect list is made of; where it cannot, at the list. */
void host_notes_find(struct host_notes *notes, struct host *host);

/* The next note of a device behind that one, the first for NULL; NULL at the end. */
const struct host_note *host_notes_next(const struct host_notes *notes, size_t index,
					const struct host_note *before);

/* Its frozen word, or the mount point. */
const char *host_note_word(const struct host_note *note);

#endif
