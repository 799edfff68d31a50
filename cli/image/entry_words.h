/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line that the next boot gives to an image, where its boot entry can be read: what was
 * typed in a boot menu is the running system's alone, and what was written since is not yet there.
 * GRUB's grub.cfg, entries of the Boot Loader Specification (UAPI.1), EXTLINUX.
 */
#ifndef ENTRY_WORDS_H
#define ENTRY_WORDS_H

#include "judgement.h"
#include "load.h"

struct entry_words {
	char cmdline[CMDLINE_SIZE];
	char path[NAME_SIZE * 2]; /* of the file it is in, without its leading slash */
};

/*
 * Looks for the entry of an image, whose path is as its file has it here or in a folder of its own.
 * False if there is none, or if one of them has the command line of the running system: then that is
 * the next boot's too. Entries without vfio-bind, which vfio-bind-fallback makes, are left out.
 */
bool entry_words_read(struct entry_words *words, struct machine *machine, const char *image,
		      const char *running);

#endif
