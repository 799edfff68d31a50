/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include <string.h>

struct text text_of(const char *string)
{
	return (struct text){ string, strlen(string) };
}

bool text_equal(struct text a, struct text b)
{
	return a.len == b.len && !memcmp(a.at, b.at, a.len);
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

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_hex(struct text text, size_t min, size_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (text.len < min || text.len > max)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = hex_digit(text.at[i]);

		if (digit < 0)
			return false;
		sum = sum << 4 | (uint64_t)digit;
	}
	*value = sum;
	return true;
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
