/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of a bind rule: with=, count=, nth=, vfs=, driver=, d3cold=, reset=, allow= and
 * required.
 */
#ifndef OPTION_H
#define OPTION_H

#include "line.h"

struct rule_option {
	const char *key; /* a bare word if it has no value */
	bool has_value;
	bool (*parse)(struct line *line, struct rule *rule, const struct word *word);
};

/* The option a word is for, or NULL. *bit becomes its bit in a set of options. */
const struct rule_option *find_option(const struct word *word, unsigned *bit);

/* The words there are, of options and of the values of with= and allow=; NULL behind the last. */
const char *option_key_at(size_t i);
const char *with_word_at(size_t i);
const char *allow_word_at(size_t i);

#endif
