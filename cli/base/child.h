/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the machine that is worked on, run with its root as their own. */
#ifndef CHILD_H
#define CHILD_H

#include "machine.h"

#define CHILD_PROGRAM_SIZE 64

/* Finds a program where a root has them; out begins with a slash. False if it is not there. */
bool child_find(struct machine *machine, const char *name, char out[CHILD_PROGRAM_SIZE]);

/*
 * Runs the program and takes what it prints, up to size bytes; what it complains of is not shown.
 * Returns how many there are, or -1 where it fails.
 */
ssize_t child_ask(const char *root, const char *program, char *const argv[], char *out,
		  size_t size);

/*
 * Shows the words on stderr, runs the program and waits for it; what it prints goes to stderr too.
 * True if it exits with 0, else it has warned.
 */
bool child_run(const char *root, const char *program, char *const argv[]);

#endif
