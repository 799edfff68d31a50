/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path.h"

#include "table.h"
#include "world.h"

struct valid {
	const char *name, *text;
	bool want;
};

static const struct valid valids[] = {
	{ "one hop is a path", "0000:00/02.0", true },
	{ "hops follow each other", "0000:40/01.1/00.0/01.0/00.0", true },
	{ "digits are of any case", "00AB:Ff/1F.7", true },
	{ "the root may be in a wide domain", "10000:e0/06.0/00.0", true },
	{ "a root alone is no path", "0000:00", false },
	{ "a slash at the end is no hop", "0000:00/", false },
	{ "a hop has two digits for the device", "0000:00/1.0", false },
	{ "there is no device 20", "0000:00/20.0", false },
	{ "there is no function 8", "0000:00/00.8", false },
	{ "no hop is empty", "0000:00//00.0", false },
	{ "a root needs its domain", "00/00.0", false },
	{ "a root has a domain of four digits or more", "000:00/00.0", false },
	{ "sysfs writes more than we do", "pci0000:00/0000:00:02.0", false },
	{ "a star is no function", "0000:00/02.*", false },
	{ "a hop is behind a slash", "0000:40x01.1", false },
	{ "nothing is no path", "", false },
};

static void check_valid(void **state)
{
	const struct valid *row = *state;

	assert_int_equal(path_is_valid(text_of(row->text)), row->want);
}

static const char tree[] = "0000:00:01.0 060400 1:1\n"
			   "0000:01:00.0 060400 1:1 above=00:01.0\n"
			   "0000:02:04.0 060400 1:1 above=01:00.0\n"
			   "0000:05:00.0 010802 1:1 above=02:04.0\n"
			   "0000:05:00.1 010802 1:1 above=02:04.0\n"
			   "0000:40:01.0 010802 1:1\n"
			   "10000:e0:06.0 060400 1:1 vmd\n"
			   "10000:e1:00.0 010802 1:1 above=10000:e0:06.0\n";

struct place {
	const char *name, *path;
	size_t index; /* in tree, or NO_DEVICE */
};

static const struct place places[] = {
	{ "a device on a root bus has one hop", "0000:00/01.0", 0 },
	{ "no bus number below the root is in a path", "0000:00/01.0/00.0/04.0/00.0", 3 },
	{ "the function of the last hop counts", "0000:00/01.0/00.0/04.0/00.1", 4 },
	{ "the root counts", "0000:40/01.0", 5 },
	{ "a path may begin at the root bus of a VMD", "10000:e0/06.0/00.0", 7 },
};

static void check_place(void **state)
{
	const struct place *row = *state;
	char got[PATH_SIZE];

	set_machine(tree);
	assert_int_equal(path_find(text_of(row->path), &inventory), row->index);
	for (size_t i = 0; i < inventory.count; i++)
		assert_int_equal(path_matches(text_of(row->path), &inventory, i), i == row->index);
	assert_int_equal(path_format(&inventory, row->index, got), strlen(row->path));
	assert_string_equal(got, row->path);
}

static const struct place elsewheres[] = {
	{ "part of a path is another place", "0000:00/01.0/00.0/04.0", 2 },
	{ "the end of a path alone is no place", "0000:02/04.0/00.0", NO_DEVICE },
	{ "another function on the way is no place", "0000:00/01.0/00.1/04.0/00.0", NO_DEVICE },
	{ "a hop too many is no place", "0000:00/01.0/00.0/04.0/00.0/00.0", NO_DEVICE },
	{ "another root is no place", "0000:01/01.0", NO_DEVICE },
	{ "another domain is no place", "0001:00/01.0", NO_DEVICE },
	{ "leading zeros of the domain do not count", "00010000:e0/06.0", 6 },
	{ "case does not count", "10000:E0/06.0", 6 },
};

static void check_elsewhere(void **state)
{
	const struct place *row = *state;

	set_machine(tree);
	assert_int_equal(path_find(text_of(row->path), &inventory), row->index);
}

int main(void)
{
	return TABLE(valids, check_valid) + TABLE(places, check_place) +
	       TABLE(elsewheres, check_elsewhere);
}
