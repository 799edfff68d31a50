/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A piece of text somebody else owns, and the few questions we ask of one. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof(*(array)))

struct text {
	const char *at; /* not terminated; borrowed */
	size_t len;	/* bytes */
};

struct text text_of(const char *string);
bool text_is(struct text text, const char *string);
bool text_equal(struct text a, struct text b);
bool text_ends(struct text text, const char *string);

/*
 * Takes the piece before the next separator off the front of rest. Returns false once
 * rest is used up; "a,,b," gives "a", "", "b" and "".
 */
bool text_cut(struct text *rest, char separator, struct text *piece);

/* True if text is min to max hex digits of any case and nothing else. */
bool text_hex(struct text text, size_t min, size_t max, uint64_t *value);

/* True if text is a decimal number without sign of at most max. */
bool text_number(struct text text, uint32_t max, uint32_t *value);

#endif
