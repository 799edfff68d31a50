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
	size_t len;     /* bytes */
};

struct text text_of(const char *string);
bool text_is(struct text text, const char *string);
bool text_equal(struct text a, struct text b);
bool text_ends(struct text text, const char *string);

/* Copies text and a NUL to out; false if that is more than size bytes. */
bool text_copy(struct text text, char *out, size_t size);

/*
 * Takes the piece before the next separator off the front of rest. Returns false once
 * rest is used up; "a,,b," gives "a", "", "b" and "".
 */
bool text_cut(struct text *rest, char separator, struct text *piece);

/* The value of each byte as a hex digit of any case, or -1. */
extern const int8_t hex_values[256];

/* Two and four hex digits, or a negative number: the groups that PCI names are made of. */
static inline int hex2(const char *at)
{
	int high = hex_values[(unsigned char)at[0]], low = hex_values[(unsigned char)at[1]];

	return (high | low) < 0 ? -1 : high << 4 | low;
}

static inline int hex4(const char *at)
{
	int high = hex2(at), low = hex2(at + 2);

	return (high | low) < 0 ? -1 : high << 8 | low;
}

/* Takes hex digits off the front of rest, as many as there are up to max; returns how many. */
static inline size_t take_hex(struct text *rest, size_t max, uint32_t *value)
{
	size_t digits = 0;
	uint32_t sum = 0;
	int digit;

	if (max > rest->len)
		max = rest->len;
	while (digits < max && (digit = hex_values[(unsigned char)rest->at[digits]]) >= 0) {
		sum = sum << 4 | (uint32_t)digit;
		digits++;
	}
	*value = sum;
	if (!digits)
		return 0; /* NULL + 0 is no pointer */
	rest->at += digits;
	rest->len -= digits;
	return digits;
}

/* Leaves out what is at the front; rest has that many bytes. */
static inline void text_skip(struct text *rest, size_t bytes)
{
	rest->at += bytes;
	rest->len -= bytes;
}

/* Takes one byte off the front of rest, if it is that. */
static inline bool take_byte(struct text *rest, char byte)
{
	if (!rest->len || *rest->at != byte)
		return false;
	rest->at++;
	rest->len--;
	return true;
}

/* True if text is min to max hex digits, eight at most, and nothing else. */
bool text_hex(struct text text, size_t min, size_t max, uint32_t *value);

/* True if text is a decimal number without sign of at most max. */
bool text_number(struct text text, uint32_t max, uint32_t *value);

#endif
