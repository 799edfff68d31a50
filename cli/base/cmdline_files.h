/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel command lines that stand in files, for the next image or boot entry: kernel-install(8),
 * mkinitcpio(8), dracut.cmdline(7), dracut.conf(5), GRUB's manual, "Simple configuration", the Boot
 * Loader Specification (UAPI.1), and "append" of SYSLINUX and EXTLINUX.
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
};

void cmdline_files_read(struct machine *machine, cmdline_take take, void *context);

/*
 * Three conf_take, whose context is a cmdline_reading: a line that is a command line; one that sets
 * dracut's kernel_cmdline, GRUB's kernelopts or a GRUB_CMDLINE_LINUX to one, with quotes as a shell
 * has them; and one of a boot entry, behind "options" or "append".
 */
bool cmdline_take_line(void *context, const struct conf_line *line);
bool cmdline_take_setting(void *context, const struct conf_line *line);
bool cmdline_take_entry(void *context, const struct conf_line *line);

#endif
