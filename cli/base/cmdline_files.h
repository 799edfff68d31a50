/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel command lines that stand in files, for the next image or boot entry: kernel-install(8),
 * mkinitcpio(8), dracut.cmdline(7), dracut.conf(5), and GRUB's manual, "Simple configuration".
 */
#ifndef CMDLINE_FILES_H
#define CMDLINE_FILES_H

#include "conf_file.h"

/* Called with a command line and the line of the file it is in; returns false to see no more. */
typedef bool (*cmdline_take)(void *context, const struct conf_line *line, struct text cmdline);

struct cmdline_reading {
	cmdline_take take;
	void *context;
};

void cmdline_files_read(struct machine *machine, cmdline_take take, void *context);

/*
 * Two conf_take, whose context is a cmdline_reading: a line that is a command line, and one that
 * sets dracut's kernel_cmdline or a GRUB_CMDLINE_LINUX to one, with quotes as a shell has them.
 */
bool cmdline_take_line(void *context, const struct conf_line *line);
bool cmdline_take_setting(void *context, const struct conf_line *line);

#endif
