/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel command lines that stand in files, for the next image or boot entry: kernel-install(8),
 * ukify(1), mkinitcpio(8), dracut.cmdline(7), dracut.conf(5), GRUB's manual, "Simple configuration",
 * the Boot Loader Specification (UAPI.1), "append" of SYSLINUX and EXTLINUX, "cmdline:" of Limine, and
 * rEFInd's "options" and refind_linux.conf.
 */
#ifndef CMDLINE_FILES_H
#define CMDLINE_FILES_H

#include "conf_file.h"

/*
 * The boot entries without vfio-bind: an id in GRUB, and the end of names in loader/entries. Boot
 * loaders sort names as versions, and this one comes behind all kernels; GRUB on Fedora takes
 * NAME-VERSION-RELEASE apart at the dashes, so there are two. A name of letters, digits, "+", "-",
 * "_" and "." is one that systemd can ask for.
 */
#define FALLBACK_ENDING "-0-without_vfio_bind"
#define FALLBACK_ID     "vfio-bind-fallback"

/* Called with a command line and the line of the file it is in; returns false to see no more. */
typedef bool (*cmdline_take)(void *context, const struct conf_line *line, struct text cmdline);

struct cmdline_reading {
	cmdline_take take;
	void *context;
	/* A setting that goes on in the next line of that file: what there is so far. */
	char path[CONF_PLACE_SIZE];
	unsigned first; /* number of its first line; 0: there is none */
	char quote;     /* that is open, or '\0' */
	char cmdline[4096];
	size_t len;
};

void cmdline_files_read(struct machine *machine, cmdline_take take, void *context);

/*
 * Three conf_take, whose context is a cmdline_reading: a line that is a command line; one that sets
 * dracut's kernel_cmdline, GRUB's kernelopts or a GRUB_CMDLINE_LINUX, Limine's KERNEL_CMDLINE[...] or
 * ukify's Cmdline to one, with quotes as a shell has them, over several lines too; and one of a boot
 * entry, behind "options", "append", "cmdline:" or GRUB's "linux PATH".
 */
bool cmdline_take_line(void *context, const struct conf_line *line);
bool cmdline_take_setting(void *context, const struct conf_line *line);
bool cmdline_take_entry(void *context, const struct conf_line *line);

/* True for a word of a boot entry, in any case; and for GRUB's, with "efi" or "16" behind it too. */
bool cmdline_entry_key(struct text key, const char *name);
bool cmdline_grub_key(struct text key, const char *name);

#endif
