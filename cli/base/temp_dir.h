/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of our own for a while, and what is in it. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>

#define SCRATCH_FILES_MAX 1024

struct scratch {
	char dir[256];
	char *files[SCRATCH_FILES_MAX]; /* paths below dir, directories among them, in order */
	size_t count;
};

/* Makes the directory, below $TMPDIR or /tmp. Returns 0 or a negative errno. */
int scratch_make(struct scratch *scratch);

/* Lists what is in it now. Returns 0 or a negative errno. */
int scratch_list(struct scratch *scratch);

/* Removes all of it. */
void scratch_remove(struct scratch *scratch);

#endif
