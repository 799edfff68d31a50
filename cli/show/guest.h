/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines by which a program that runs guests is told to hand a device to one. */
#ifndef GUEST_H
#define GUEST_H

#include "host/host.h"

#include <json-c/json.h>

/* What `list --for` takes, for --help and complaints. */
#define GUEST_PROGRAMS "libvirt|qemu|proxmox|incus"

enum guest_program { GUEST_LIBVIRT, GUEST_QEMU, GUEST_PROXMOX, GUEST_INCUS, GUEST_PROGRAM_COUNT };

struct guest {
	struct host *host;
	enum guest_program program;
	size_t leader;             /* the device that was named, or the one it goes along with */
	struct json_object *lines; /* an array of strings; the caller's */
};

/* The word for a program. */
const char *guest_word(enum guest_program program);

/* Fills in the program that a word names; false for any other word. */
bool guest_parse(const char *word, enum guest_program *program);

/*
 * Fills in the lines for the device at address and what goes along with it. A device that a guard
 * or a keep rule leaves to the host gets none, for some of these programs would take it from the
 * host's driver. Complains, and returns an exit code.
 */
int guest_lines(struct guest *guest, const char *address);

/* True if the lines hand over the device at index. */
bool guest_has(const struct guest *guest, size_t index);

#endif
