/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mistakes of a policy: collected while it is read, told once the work is done. */
#ifndef MISTAKES_H
#define MISTAKES_H

#include "complain.h"
#include "diag.h"
#include "json.h"

struct recorded_mistake {
	struct mistake mistake;
	char *texts; /* what it points into */
};

/* Begins as MISTAKES_NONE. */
struct mistakes {
	struct diag diag; /* for whatever reads a policy; it counts them all */
	struct recorded_mistake *list;
	size_t count; /* of list: less than diag counts only where memory ran out */
	size_t told;  /* of them, by mistakes_print() */
};

void mistakes_collect(struct diag *diag, const struct mistake *mistake);

#define MISTAKES_NONE                                                                              \
	{                                                                                          \
		.diag = {.emit = mistakes_collect }                                                \
	}

/* `file:line:column: expected ...`, the line and a caret, on stderr for each not told yet. */
void mistakes_print(struct mistakes *mistakes);

/* What a command ends with: the policy is to be corrected, or may not be read at all. */
enum exit_code mistakes_code(const struct mistakes *mistakes);

/* Complains that nothing is done: for want of a policy without mistakes, or of the right to read it. */
int mistakes_complain(const struct mistakes *mistakes, const char *what);

/* All of them, as an array. */
struct json_object *mistakes_json(const struct mistakes *mistakes);

void mistakes_free(struct mistakes *mistakes);

#endif
