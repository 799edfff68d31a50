/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of selectors: what each looks like, and what to say of one that does not. */
#ifndef VALUE_H
#define VALUE_H

#include "rule.h"

/* The word before "=": "id", "dsn", ... */
const char *selector_key(enum selector selector);

/* What a value of it should have been, to follow "expected". */
const char *selector_expected(enum selector selector);

bool value_parse(enum selector selector, struct text item, union value *value);

/* A class by its name alone: vga, nvme, ... */
bool value_parse_class_name(struct text name, union value *value);

/* The names there are, one by one; NULL behind the last. */
const char *class_name_at(size_t i);

/* The name for a class, or NULL; of the narrowest kind that has one. */
const char *class_name(uint32_t class);

/* Writes xx-xx-xx-xx-xx-xx-xx-xx and a NUL. */
#define DSN_SIZE 24
void dsn_format(uint64_t dsn, char out[DSN_SIZE]);

static inline bool class_matches(const struct class_pattern *pattern, uint32_t class)
{
	return (class & pattern->mask) == pattern->value && class != pattern->but;
}

#endif
