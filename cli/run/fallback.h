/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second entry of the boot menu, "without vfio-bind", with rd.vfio_bind=0 on the kernel's
 * command line. What each boot loader takes is in a file of its own; all tell what they did here.
 */
#ifndef FALLBACK_H
#define FALLBACK_H

#include "base/command.h"
#include "base/json.h"
#include "machine.h"

#define FALLBACK_WORD  "rd.vfio_bind=0"
#define FALLBACK_TITLE "without vfio-bind"

struct fallback {
	struct machine machine;
	const struct options *options;
	bool refresh;                /* only where there is one already */
	bool remove;                 /* takes it away */
	struct json_object *entries; /* what was done, one object an entry */
};

enum fallback_change { FALLBACK_MADE, FALLBACK_KEPT, FALLBACK_REMOVED };

/* Adds an entry that is there, or is there no more; the path has no leading slash. */
void fallback_add(struct fallback *fallback, const char *path, enum fallback_change change);

/*
 * GRUB as grub-mkconfig(8) sets it up: a script in /etc/grub.d. True from grub_is_used() if that
 * is what makes the menu here. Each of the others returns an exit code, and has told a failure.
 */
bool grub_is_used(struct machine *machine);
int grub_make(struct fallback *fallback);
int grub_remove(struct fallback *fallback);

/*
 * Entries of the Boot Loader Specification (UAPI.1), which systemd-boot reads, and GRUB on Fedora:
 * one more beside that of the newest kernel, in each directory where this machine has any.
 */
int loader_entries_make(struct fallback *fallback);
int loader_entries_remove(struct fallback *fallback);

#endif
