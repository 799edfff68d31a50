/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs' configuration, a line at a time: to find words in it and to say where they are. */
#ifndef CONFFILE_H
#define CONFFILE_H

#include "machine.h"

#define CONF_PLACE_SIZE 320

struct conf_line {
	const char *path; /* without its leading slash */
	unsigned number;  /* from 1 */
	struct text text; /* without a comment and its end */
};

/* Returns false to see no more lines. */
typedef bool (*conf_take)(void *context, const struct conf_line *line);

/*
 * Hands out the lines of a file without comments, which "#" begins. Returns 0, also for a file
 * that is not there, or an error.
 */
int conf_read(struct machine *machine, const char *path, conf_take take, void *context);

/*
 * The same for every file in the directories whose name ends so, hidden ones left out, as
 * modprobe.d(5), dracut.conf(5) and modules-load.d(5) have it: in byte order of their names
 * whatever directory each is in, and of several of one name only that in the first directory.
 * Returns the first error, which machine->failed names; the other files are read all the same.
 */
int conf_read_dirs(struct machine *machine, const char *const dirs[], size_t count,
		   const char *suffix, conf_take take, void *context);

/*
 * The same where a line that ends with a backslash goes on in the next, as modprobe.d(5) and udev(7)
 * have it: handed out as one, with the number of its first.
 */
int conf_read_joined(struct machine *machine, const char *const dirs[], size_t count,
		     const char *suffix, conf_take take, void *context);

/* All of modprobe.d(5). */
int conf_read_modprobe(struct machine *machine, conf_take take, void *context);

/* All of udev(7)'s rules. */
int conf_read_udev(struct machine *machine, conf_take take, void *context);

/* Writes "/PATH:LINE". */
void conf_place(const struct conf_line *line, char out[CONF_PLACE_SIZE]);

/* True if the text has the word, which stands between anything but letters, digits, "-" and "_". */
bool conf_has_word(struct text text, const char *word);

/* True if the word names that module: "-" and "_" are the same. */
bool conf_is_module(struct text word, const char *module);

#endif
