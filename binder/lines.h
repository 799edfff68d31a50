/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files too long for a buffer, a line at a time. */
#ifndef LINES_H
#define LINES_H

#include "machine.h"

struct lines {
	int fd;
	size_t at, end;
	char buffer[16384];
};

int lines_open(struct lines *lines, struct machine *machine, const char *path);

/* The next line without its end. False at the end of the file, or with *err set. */
bool lines_next(struct lines *lines, struct text *line, int *err);
void lines_close(struct lines *lines);

#endif
