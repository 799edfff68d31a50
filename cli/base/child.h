/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the machine that is worked on, run with its root as their own. */
#ifndef CHILD_H
#define CHILD_H

#include "machine.h"

#define CHILD_PROGRAM_SIZE 64

/* Finds a program where a root has them; out begins with a slash. False if it is not there. */
bool child_find(struct machine *machine, const char *name, char out[CHILD_PROGRAM_SIZE]);

/*
 * Becomes the program, below root, with its standard output at out. Returns never: what keeps it
 * from that is complained of.
 */
_Noreturn void child_become(const char *root, const char *program, char *const argv[], int out);

/*
 * Shows the words on stderr, runs the program and waits for it; what it prints goes to stderr too.
 * True if it exits with 0, else it has warned.
 */
bool child_run(const char *root, const char *program, char *const argv[]);

#endif
