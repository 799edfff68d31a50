/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an image holds what would be put into it now, and calls it early enough. */
#ifndef VERIFY_H
#define VERIFY_H

#include "base/command.h"

struct verify {
	const char *image;  /* its path */
	const char *kernel; /* release it is for, or NULL: it says so itself */
	bool strict;        /* warnings count */
	bool boot;          /* it is booted, too */
	enum { VERIFY_ALWAYS, VERIFY_IF_AMISS, VERIFY_NEVER } print;
};

/* Prints what is right and what is not. Returns an exit code. */
int verify_image(const struct options *options, const struct verify *verify);

#endif
