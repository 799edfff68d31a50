/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file being written through a buffer, and put in place once all of it is there. */
#ifndef OUT_H
#define OUT_H

#include "machine.h"

struct out {
	struct machine *machine;
	int fd;
	int err; /* the first error there was */
	size_t len;
	char path[MACHINE_PATH_SIZE];
	char buffer[4096];
};

/* Begins the file DIR/NAME, where name has the slash. What fails is told by out_commit(). */
void out_create(struct out *out, struct machine *machine, const char *dir, const char *name);

/* As format() does; one piece is at most 1 KiB. */
__attribute__((format(printf, 2, 3))) void out_format(struct out *out, const char *how, ...);
void out_text(struct out *out, struct text text);

/* Puts it in place, unless there was an error, as err may be one. Returns 0 or the first error. */
int out_commit(struct out *out, int err);

#endif
