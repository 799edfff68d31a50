/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "printable.h"

#include <stddef.h>

bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* How many bytes a character takes that begins so, by RFC 3629; 0 where none does. */
static size_t length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Neither too long a form, nor half of a pair, nor past the last character there is. */
static bool is_second(unsigned char first, unsigned char second)
{
	unsigned char low = 0x80, high = 0xbf;

	if (first == 0xe0)
		low = 0xa0;
	if (first == 0xf0)
		low = 0x90;
	if (first == 0xed)
		high = 0x9f;
	if (first == 0xf4)
		high = 0x8f;
	return second >= low && second <= high;
}

/* The length of the character at text, or 0 if there is none to show. */
static size_t measure(const unsigned char *text)
{
	size_t len = length_of(text[0]);

	if (len == 1)
		return !is_control((char)text[0]);
	if (len < 2 || !is_second(text[0], text[1]) || (text[0] == 0xc2 && text[1] < 0xa0))
		return 0; /* the last are control characters too: C1 of ISO 6429 */
	for (size_t i = 2; i < len; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return len;
}

void make_printable(char *text)
{
	while (*text) {
		size_t len = measure((const unsigned char *)text);

		if (!len)
			*text = '?';
		text += len ? len : 1;
	}
}
