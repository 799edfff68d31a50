/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "format.h"

#include "table.h"

struct room {
	const char *name;
	size_t size;
	const char *want;
};

static const struct room rooms[] = {
	{ "all conversions are written", 64, "one two 7 00af % 4294967295" },
	{ "a text that fits to the byte is not cut", 28, "one two 7 00af % 4294967295" },
	{ "a text one byte too long is cut", 27, "one two 7 00af % 429496729" },
	{ "a piece is cut in its middle", 6, "one t" },
	{ "there is always room for the NUL", 1, "" },
};

static void check_room(void **state)
{
	const struct room *row = *state;
	char got[64];

	memset(got, '#', sizeof(got));
	assert_int_equal(format(got, row->size, "%s %.*s %u %04x %% %u", "one", 3, "two and more",
				7u, 0xafu, UINT32_MAX),
			 strlen(row->want));
	assert_string_equal(got, row->want);
	if (row->size < sizeof(got))
		assert_int_equal(got[row->size], '#');
}

struct number {
	const char *name;
	unsigned number;
	const char *decimal, *hex;
};

static const struct number numbers[] = {
	{ "zero is one digit, or four of hex", 0, "0", "0000" },
	{ "a number of five hex digits is not cut", 0x10000, "65536", "10000" },
	{ "the largest number fits", UINT32_MAX, "4294967295", "ffffffff" },
};

static void check_number(void **state)
{
	const struct number *row = *state;
	char got[16];

	format(got, sizeof(got), "%u", row->number);
	assert_string_equal(got, row->decimal);
	format(got, sizeof(got), "%04x", row->number);
	assert_string_equal(got, row->hex);
}

int main(void)
{
	return TABLE(rooms, check_room) + TABLE(numbers, check_number);
}
