/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <string.h>

/* A row for each sixteen bytes. */
#define NONE16  -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1
#define LETTERS -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1
#define DIGITS  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1, -1, -1, -1

const int8_t hex_values[256] = {
	NONE16, NONE16, NONE16, DIGITS, LETTERS, NONE16, LETTERS, NONE16, /* 00 to 7f */
	NONE16, NONE16, NONE16, NONE16, NONE16,  NONE16, NONE16,  NONE16,
};

struct text text_of(const char *string)
{
	return (struct text){ string, strlen(string) };
}

bool text_equal(struct text a, struct text b)
{
	/* No text at all may be at NULL, which memcmp() must not be given: C11, 7.24.1. */
	return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

bool text_is(struct text text, const char *string)
{
	return text_equal(text, text_of(string));
}

bool text_ends(struct text text, const char *string)
{
	size_t len = strlen(string);

	return text.len >= len && !memcmp(text.at + text.len - len, string, len);
}

bool text_copy(struct text text, char *out, size_t size)
{
	if (text.len >= size)
		return false;
	memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return true;
}

bool text_cut(struct text *rest, char separator, struct text *piece)
{
	const char *end;

	if (!rest->at)
		return false;
	end = rest->len ? memchr(rest->at, separator, rest->len) : NULL;
	piece->at = rest->at;
	if (!end) {
		piece->len = rest->len;
		*rest = (struct text){ NULL, 0 };
		return true;
	}
	piece->len = (size_t)(end - rest->at);
	rest->len -= piece->len + 1;
	rest->at = end + 1;
	return true;
}

bool text_hex(struct text text, size_t min, size_t max, uint32_t *value)
{
	return take_hex(&text, max, value) >= min && !text.len;
}

bool text_number(struct text text, uint32_t max, uint32_t *value)
{
	uint64_t sum = 0;

	if (!text.len)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		sum = sum * 10 + (uint64_t)(text.at[i] - '0');
		if (sum > max)
			return false;
	}
	*value = (uint32_t)sum;
	return true;
}
