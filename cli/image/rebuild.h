/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which generator makes this machine's images, by which commands, and where they are then. */
#ifndef REBUILD_H
#define REBUILD_H

#include "base/child.h"
#include "host/kernels.h"

#define REBUILD_STEPS_MAX  (KERNELS_MAX + 2)
#define REBUILD_WORDS_MAX  24
#define REBUILD_IMAGES_MAX 128

/* A command: the path of its program, and its words, the first of which names it. */
struct rebuild_step {
	char program[CHILD_PROGRAM_SIZE];
	char words[REBUILD_WORDS_MAX][MACHINE_PATH_SIZE];
	size_t count;
};

/* Adds a word as it is. False if there is no room. */
bool rebuild_add_word(struct rebuild_step *step, const char *begin, const char *end);

struct rebuild {
	const char *generator; /* or NULL, if none is known here */
	struct rebuild_step steps[REBUILD_STEPS_MAX];
	size_t count;
};

/*
 * Finds the generator in use. Of rpm-ostree the step lacks the arguments it has for dracut:
 * without any, the ones it keeps would be lost, and it refuses to build an image again.
 */
void rebuild_find(struct rebuild *rebuild, struct machine *machine);

struct rebuild_images {
	char paths[REBUILD_IMAGES_MAX][MACHINE_PATH_SIZE]; /* without leading slash */
	size_t count;
	bool denied; /* a folder may not be listed, and holds some perhaps */
};

/*
 * Lists images that were written at that time or after it, but those of rescue systems and
 * crash kernels: they hold nothing of ours.
 */
void rebuild_list(struct rebuild_images *images, struct machine *machine, time_t since);

#endif
