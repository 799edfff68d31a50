/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host uses each function for, in a word a person knows: root, swap, /boot. */
#ifndef HOSTNOTES_H
#define HOSTNOTES_H

#include "base/json.h"
#include "host/host.h"

#define NOTES_MAX 1024
#define NOTE_SIZE 64

struct host_note {
	size_t index;
	char text[NOTE_SIZE];
};

/*
 * The words are `root`, `/MOUNTPOINT`, `swap`, `storage` for what is the host's in another way,
 * `default-route`, `network`, `keyboard`, `boot-display` and `framebuffer`.
 */
struct host_notes {
	struct host *host;
	struct host_note notes[NOTES_MAX];
	size_t count;
};

/* Looks again at what the image's protect list is made of; where it cannot, at the list. */
void host_notes_find(struct host_notes *notes, struct host *host);

/* All words of one device. */
struct json_object *host_notes_array(const struct host_notes *notes, size_t index);
bool host_notes_any(const struct host_notes *notes, size_t index);

#endif
