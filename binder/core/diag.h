/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the core tells of a mistake in a text it was given. It prints nothing itself: the
 * binder writes a kernel log line, the host program a caret, a fuzzer nothing.
 */
#ifndef DIAG_H
#define DIAG_H

#include "text.h"

struct mistake {
	struct text file;
	unsigned line;        /* from 1 */
	unsigned column;      /* from 1, in bytes, of what is wrong */
	struct text source;   /* the line it stands in, without its end; may hold anything */
	const char *expected; /* what should have stood there, without the word "expected" */
};

struct diag {
	void (*emit)(struct diag *diag, const struct mistake *mistake);
	unsigned mistakes;
	bool denied; /* one of them is that the caller may not read a file */
};

void diag_report(struct diag *diag, const struct mistake *mistake);

#endif
