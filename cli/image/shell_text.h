/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of a shell script, one after the other, as far as they can be told without running
 * it; and whether the script calls the binder before it does anything that may load a driver.
 */
#ifndef SHELLTEXT_H
#define SHELLTEXT_H

#include "text.h"

struct shell_text {
	struct text rest;
	unsigned depth;
	bool chained; /* the next command depends on the one before: && and || */
};

struct shell_command {
	struct text text; /* without what comes before its first word: keywords, assignments */
	bool function;    /* the name of a function that is defined here */
	unsigned depth;   /* how many of if, case, loops and braces it is in */
	bool certain;     /* it does not depend on the command before it */
};

/* Takes the next command; false at the end. Comments are none. */
bool shell_next(struct shell_text *shell, struct shell_command *command);

enum script_does {
	SCRIPT_CALLS,   /* the binder, before anything that could load a driver */
	SCRIPT_IS_LATE, /* it loads a driver first: by */
	SCRIPT_MAY_BE,  /* it calls the binder, and does before what cannot be told: by */
	SCRIPT_NEVER,   /* it does not call the binder, and loads none */
	SCRIPT_LOADS,   /* nor does this one, and it loads a driver: by */
	SCRIPT_MAY_LOAD,
};

/*
 * Reads a script; of a function of that name only, unless it is NULL. by is the command that
 * decided, where one did.
 */
enum script_does script_read(struct text script, const char *function, struct text *by);

#endif
