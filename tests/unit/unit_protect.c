/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protect.h"

#include "table.h"
#include "world.h"

#define HEADER "vfio-bind-protect 1\n"
#define DRIVE  "storage path=0000:00/01.0/00.0 id=144d:a80a"

struct parse {
	const char *name, *text;
	unsigned want; /* the line that makes no sense, or 0 */
	size_t count;  /* of lines */
	bool unknown;
};

static const struct parse parses[] = {
	{ "a header alone protects nothing", HEADER, 0, 0, false },
	{ "a line of each use",
	  HEADER DRIVE "\nnetwork path=0000:00/02.0 id=8086:1539\n"
		       "input path=0000:00/14.0 id=8086:a36d\n",
	  0, 3, false },
	{ "a line with a serial number", HEADER DRIVE " dsn=00-25-38-b1-21-00-51-3a\n", 0, 1,
	  false },
	{ "a last line without its end", HEADER DRIVE, 0, 1, false },
	{ "unknown is unknown", HEADER "unknown\n", 0, 0, true },
	{ "an empty file is unknown", "", 1, 0, true },
	{ "another header is unknown", "vfio-bind-protect 2\n" DRIVE "\n", 1, 0, true },
	{ "no header is unknown", DRIVE "\n", 1, 0, true },
	{ "another use is unknown", HEADER DRIVE "\nsound path=0000:00/1b.0 id=8086:1c20\n", 3, 0,
	  true },
	{ "a line without a path is unknown", HEADER "storage id=144d:a80a\n", 2, 0, true },
	{ "a line without an id is unknown", HEADER "storage path=0000:00/01.0\n", 2, 0, true },
	{ "a malformed path is unknown", HEADER "storage path=01.0 id=144d:a80a\n", 2, 0, true },
	{ "a malformed id is unknown", HEADER "storage path=0000:00/01.0 id=144d\n", 2, 0, true },
	{ "an open id is unknown", HEADER "storage path=0000:00/01.0 id=144d:*\n", 2, 0, true },
	{ "a malformed serial number is unknown", HEADER DRIVE " dsn=1\n", 2, 0, true },
	{ "a word too many is unknown", HEADER DRIVE " name=nvme0\n", 2, 0, true },
	{ "what is cut short is unknown", HEADER DRIVE "\nstorage path=0000:00/0", 3, 0, true },
};

static void check_parse(void **state)
{
	const struct parse *row = *state;

	memset(&protect, 0, sizeof(protect));
	assert_int_equal(protect_parse(&protect, text_of(row->text)), row->want);
	assert_int_equal(protect.unknown, row->unknown);
	if (!row->unknown)
		assert_int_equal(protect.count, row->count);
}

struct find {
	const char *name;
	const char *drives[3]; /* words behind the class of three drives, ids first */
	const char *lines;
	const char *want; /* one digit a drive: 1 is protected */
};

#define SERIAL " dsn=00-00-00-00-00-00-00-05"

static const struct find finds[] = {
	{ "the device at the path is protected",
	  { "144d:a80a", "144d:a80a", "1e0f:0013" },
	  DRIVE,
	  "100" },
	{ "another device at the path protects all of the id",
	  { "1e0f:0013", "144d:a80a", "144d:a80a" },
	  DRIVE,
	  "011" },
	{ "nothing of that id protects nothing",
	  { "1e0f:0013", "1e0f:0013", "1e0f:0013" },
	  DRIVE,
	  "000" },
	{ "a serial number is found wherever the drive went",
	  { "144d:a80a dsn=6", "144d:a80a dsn=5", "144d:a80a" },
	  DRIVE SERIAL,
	  "010" },
	{ "a serial number that is found twice protects both",
	  { "144d:a80a dsn=6", "144d:a80a dsn=5", "144d:a80a dsn=5" },
	  DRIVE SERIAL,
	  "011" },
	{ "a serial number of another id is not the drive's",
	  { "144d:a80a dsn=5", "1e0f:0013 dsn=5", "144d:a80a" },
	  DRIVE SERIAL,
	  "100" },
	{ "a serial number that is found nowhere leaves it to the path",
	  { "144d:a80a", "144d:a80a dsn=6", "144d:a80a" },
	  DRIVE SERIAL,
	  "100" },
	{ "another serial number at the path protects all of the id",
	  { "144d:a80a dsn=7", "144d:a80a dsn=6", "144d:a80a" },
	  DRIVE SERIAL,
	  "111" },
	{ "a serial number of ones on the line is none",
	  { "144d:a80a dsn=7", "144d:a80a dsn=6", "144d:a80a" },
	  DRIVE " dsn=ff-ff-ff-ff-ff-ff-ff-ff",
	  "100" },
	{ "two lines protect two drives",
	  { "144d:a80a", "144d:a80a", "144d:a80a" },
	  DRIVE "\nstorage path=0000:00/03.0/00.0 id=144d:a80a",
	  "101" },
	{ "a line of another use does not protect storage",
	  { "144d:a80a", "144d:a80a", "144d:a80a" },
	  "network path=0000:00/01.0/00.0 id=144d:a80a",
	  "000" },
};

static void check_find(void **state)
{
	const struct find *row = *state;
	char machine[512], got[4] = "";
	bool wants_dsn = false;

	snprintf(machine, sizeof(machine),
		 "00:01.0 060400 8086:1\n00:02.0 060400 8086:1\n00:03.0 060400 8086:1\n"
		 "01:00.0 010802 %s above=00:01.0\n02:00.0 010802 %s above=00:02.0\n"
		 "03:00.0 010802 %s above=00:03.0\n",
		 row->drives[0], row->drives[1], row->drives[2]);
	set_machine(machine);
	set_protect(row->lines);
	for (size_t i = 0; i < 3; i++)
		got[i] = protect_find(&protect, &inventory, 3 + i, USE_STORAGE, &wants_dsn) ? '1' :
											      '0';
	assert_string_equal(got, row->want);
	assert_false(wants_dsn);
}

static void a_serial_number_nobody_read_yet_is_asked_for(void **state)
{
	bool wants_dsn = false;

	(void)state;
	set_machine("01:00.0 010802 144d:a80a\n02:00.0 010802 144d:a80a\n");
	set_protect(DRIVE SERIAL);
	inventory.devices[1].known = 0;
	assert_non_null(protect_find(&protect, &inventory, 0, USE_STORAGE, &wants_dsn));
	assert_true(wants_dsn);
}

static void uses_have_the_names_the_file_says(void **state)
{
	(void)state;
	assert_string_equal(use_name(USE_STORAGE), "storage");
	assert_string_equal(use_name(USE_NETWORK), "network");
	assert_string_equal(use_name(USE_INPUT), "input");
}

static void one_line_more_than_there_is_room_for_is_unknown(void **state)
{
	static char text[(PROTECT_LINES_MAX + 1) * sizeof(DRIVE) + sizeof(HEADER)];
	size_t len = strlen(strcpy(text, HEADER));

	(void)state;
	for (size_t i = 0; i < PROTECT_LINES_MAX; i++)
		len += strlen(strcpy(text + len, DRIVE "\n"));
	assert_int_equal(protect_parse(&protect, text_of(text)), 0);
	assert_false(protect.unknown);
	assert_int_equal(protect.count, PROTECT_LINES_MAX);
	(void)strcpy(text + len, DRIVE "\n");
	assert_int_equal(protect_parse(&protect, text_of(text)), PROTECT_LINES_MAX + 2);
	assert_true(protect.unknown);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(uses_have_the_names_the_file_says),
		cmocka_unit_test(one_line_more_than_there_is_room_for_is_unknown),
		cmocka_unit_test(a_serial_number_nobody_read_yet_is_asked_for),
	};

	return TABLE(parses, check_parse) + TABLE(finds, check_find) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
