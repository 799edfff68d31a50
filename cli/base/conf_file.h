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
 * Hands out the lines of a file, comments that "#" begins left out. Returns 0, also for a file
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
 * Puts lines together that end with a backslash, as modprobe.d(5) has it, and hands each out with the
 * number of its first: conf_take_joined() is a conf_take whose context is this.
 */
struct conf_joiner {
	conf_take take;
	void *context;
	char joined[4096]; /* lines that end with a backslash, up to the one that does not */
	size_t len;
	unsigned first, last; /* numbers of the first and last of them */
};

bool conf_take_joined(void *joiner, const struct conf_line *line);

/* Writes "/PATH:LINE". */
void conf_place(const struct conf_line *line, char out[CONF_PLACE_SIZE]);

/* True if the text has the word, which stands between anything but letters, digits, "-" and "_". */
bool conf_has_word(struct text text, const char *word);

/* True if the word names that module: "-" and "_" are the same. */
bool conf_is_module(struct text word, const char *module);

#endif
