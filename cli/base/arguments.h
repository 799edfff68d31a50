/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of commands: options all of them take, options of their own, and the rest. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "command.h"
#include "machine.h"
#include "table.h"

#include <getopt.h>

/* What a command takes beside the options they all take. */
struct arguments {
	const struct option *own; /* ends in zeros; or NULL */
	size_t own_count;
	/* Takes one of them with its value. Returns -1 to go on, or the code to exit with. */
	int (*take)(void *context, int option, const char *value);
	void *context;
	int min, max;              /* how many arguments follow the options */
	const char *usage;         /* what they are */
	const struct table *table; /* whose columns -o names, or NULL */
};

/*
 * Takes the command's arguments; those that are not options begin at argv[optind]. Returns -1 to
 * go on, or the code to exit with.
 */
int arguments_take(struct options *options, const struct arguments *arguments, int argc,
		   char *argv[]);

/*
 * For a command that works on the machine itself, not on a machine file. writes is what it takes
 * root to write, as "to /boot", or NULL. Returns -1 to go on, or the code to exit with.
 */
int arguments_need_machine(const struct options *options, const char *command, const char *writes);

/* Opens the machine at --root, or complains. Returns an exit code. */
int arguments_open(const struct options *options, struct machine *machine);

/* What all commands take; ends in zeros. */
const struct option *arguments_common(void);

/* A take() for a command with one option, which has no value: it sets the bool at context. */
int arguments_flag(void *context, int option, const char *value);

/* Complains of --json to a command that writes a form of its own, as "writes DOT: no --json". */
int arguments_refuse_json(struct options *options, const char *how);

/* The same as arguments_take() for what stands before the command's name. */
int arguments_take_first(struct options *options, int argc, char *argv[]);

#endif
