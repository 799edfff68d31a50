/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "text.h"

#include "table.h"

#include <stdio.h>

struct cut {
	const char *name, *text;
	char separator;
	const char *want; /* the pieces, each in brackets */
};

static const struct cut cuts[] = {
	{ "a text without the separator is one piece", "abc", ',', "[abc]" },
	{ "the separator itself is in no piece", "a,b", ',', "[a][b]" },
	{ "two separators in a row have an empty piece between them", "a,,b", ',', "[a][][b]" },
	{ "a separator at the end has an empty piece behind it", "a,b,", ',', "[a][b][]" },
	{ "a separator at the front has an empty piece before it", ",a", ',', "[][a]" },
	{ "an empty text is one empty piece", "", ',', "[]" },
	{ "lines are cut at newlines", "one\ntwo\n", '\n', "[one][two][]" },
};

static void check_cut(void **state)
{
	const struct cut *row = *state;
	struct text rest = text_of(row->text), piece;
	char got[64] = "";

	while (text_cut(&rest, row->separator, &piece))
		sprintf(got + strlen(got), "[%.*s]", (int)piece.len, piece.at);
	assert_string_equal(got, row->want);
	assert_false(text_cut(&rest, row->separator, &piece));
}

struct number {
	const char *name, *text;
	uint32_t max;
	bool ok;
	uint32_t want;
};

static const struct number decimals[] = {
	{ "a number is read", "16384", 16384, true, 16384 },
	{ "zero is a number", "0", 9, true, 0 },
	{ "a number over the maximum is none", "16385", 16384, false, 0 },
	{ "the largest 32-bit number is read", "4294967295", UINT32_MAX, true, UINT32_MAX },
	{ "a number that does not fit 32 bits is none", "4294967296", UINT32_MAX, false, 0 },
	{ "a number whose 32 low bits would do is none", "4294967297", 5, false, 0 },
	{ "a very long number is none", "99999999999999999999999", UINT32_MAX, false, 0 },
	{ "an empty text is no number", "", 9, false, 0 },
	{ "a sign makes it no number", "+1", 9, false, 0 },
	{ "a minus makes it no number", "-1", 9, false, 0 },
	{ "a blank makes it no number", "1 ", 9, false, 0 },
	{ "a hex digit makes it no number", "1a", 99, false, 0 },
};

static void check_decimal(void **state)
{
	const struct number *row = *state;
	uint32_t got = 0;

	assert_int_equal(text_number(text_of(row->text), row->max, &got), row->ok);
	if (row->ok)
		assert_int_equal(got, row->want);
}

struct hex {
	const char *name, *text;
	size_t min, max;
	bool ok;
	uint32_t want;
};

static const struct hex hexes[] = {
	{ "lower case digits are hex", "10de", 4, 4, true, 0x10de },
	{ "upper case digits are hex", "10DE", 4, 4, true, 0x10de },
	{ "eight digits fill 32 bits", "ffffffff", 4, 8, true, 0xffffffff },
	{ "too few digits are none", "10d", 4, 4, false, 0 },
	{ "too many digits are none", "10de0", 4, 4, false, 0 },
	{ "no digits are none", "", 1, 4, false, 0 },
	{ "a letter behind f is no digit", "10dg", 4, 4, false, 0 },
	{ "a prefix is no digit", "0x10", 4, 4, false, 0 },
	{ "a byte over 7f is no digit", "10d\xff", 4, 4, false, 0 },
	{ "the neighbours of the digits are none", "/:@G", 4, 4, false, 0 },
	{ "the neighbour of small letters is none", "000`", 4, 4, false, 0 },
};

static void check_hex(void **state)
{
	const struct hex *row = *state;
	uint32_t got = 0;

	assert_int_equal(text_hex(text_of(row->text), row->min, row->max, &got), row->ok);
	if (row->ok)
		assert_int_equal(got, row->want);
}

struct comparison {
	const char *name, *text, *other;
	bool is, ends;
};

static const struct comparison comparisons[] = {
	{ "a text is and ends with itself", "vfio-pci", "vfio-pci", true, true },
	{ "a text may end with another", "nvgrace-vfio-pci", "vfio-pci", false, true },
	{ "a text does not end with a longer one", "pci", "vfio-pci", false, false },
	{ "a text is not its own beginning", "vfio", "vfio-pci", false, false },
	{ "case counts", "VGA", "vga", false, false },
	{ "every text ends with nothing", "vga", "", false, true },
	{ "nothing is nothing", "", "", true, true },
};

static void check_comparison(void **state)
{
	const struct comparison *row = *state;
	struct text text = text_of(row->text);

	assert_int_equal(text_is(text, row->other), row->is);
	assert_int_equal(text_equal(text, text_of(row->other)), row->is);
	assert_int_equal(text_ends(text, row->other), row->ends);
}

/* The copy and its NUL, and no byte more. */
static void check_copy(void **state)
{
	const struct comparison *row = *state;
	struct text text = text_of(row->text);
	char copy[32];

	memset(copy, 'x', sizeof(copy));
	assert_false(text_copy(text, copy, text.len));
	assert_int_equal(copy[0], 'x');
	assert_true(text_copy(text, copy, text.len + 1));
	assert_string_equal(copy, row->text);
	assert_int_equal(copy[text.len + 1], 'x');
}

int main(void)
{
	return TABLE(cuts, check_cut) + TABLE(decimals, check_decimal) + TABLE(hexes, check_hex) +
	       TABLE(comparisons, check_comparison) + TABLE(comparisons, check_copy);
}
