/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of the policy and the words in it: what policy.c and option.c share. */
#ifndef LINE_H
#define LINE_H

#include "rule.h"

/* A line being read. */
struct line {
	struct policy *policy;
	struct diag *diag;
	struct mistake mistake; /* file, line and source of whatever will be wrong */
	const char *at, *end;
	const char *host_allow, *nth, *vf, *vfs; /* where these stand: judged at the end */
	bool of_cmdline;                         /* it is a word of the kernel command line */
};

/* key="value": a bare word has no key. */
struct word {
	const char *at;
	struct text key, value;
	bool quoted;
};

/* Reports what should have stood at a place in the line; returns false. */
bool expected(struct line *line, const char *at, const char *what);

/* Goes to the next word. Returns false at the end of the line or at a comment. */
bool find_word(struct line *line);

/* Takes the word that find_word() found. Returns false, having said so, if its quotes are wrong. */
bool take_word(struct line *line, struct word *word);

/* True if the word is that keyword. Quotes are only for values. */
bool is_keyword(const struct word *word, const char *keyword);

#endif
