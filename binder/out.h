/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file being written through a buffer. */
#ifndef OUT_H
#define OUT_H

#include "text.h"

struct out {
	int fd;
	int err; /* the first error there was */
	size_t len;
	char buffer[4096];
};

/* As format() does; one piece is at most 1 KiB. */
__attribute__((format(printf, 2, 3))) void out_format(struct out *out, const char *how, ...);
void out_text(struct out *out, struct text text);
void out_flush(struct out *out);

#endif
