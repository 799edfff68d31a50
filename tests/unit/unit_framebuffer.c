/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "framebuffer.h"

#include "table.h"
#include "world.h"

struct iomem_row {
	const char *name, *text;
	const char *want; /* one digit a device: 1 holds the framebuffer */
};

static const struct iomem_row rows[] = {
	{ "a framebuffer lies in the device it is nested under",
	  "d0000000-dfffffff : PCI Bus 0000:01\n  d0000000-d0ffffff : 0000:01:00.0\n"
	  "    d0000000-d02fffff : efifb\n",
	  "100" },
	{ "it may be nested deeper",
	  "c0000000-dfffffff : PCI Bus 0000:00\n  d0000000-dfffffff : PCI Bus 0000:02\n"
	  "    d0000000-d0ffffff : 0000:02:00.0\n      d0000000-d02fffff : BOOTFB\n"
	  "        d0000000-d02fffff : simplefb\n",
	  "010" },
	{ "vesafb is one", "d0000000-d0ffffff : 0000:01:00.0\n  d0000000-d02fffff : vesafb\n",
	  "100" },
	{ "a device beside it is another",
	  "d0000000-d0ffffff : 0000:01:00.0\nd1000000-d1ffffff : 0000:02:00.0\n"
	  "  d1000000-d12fffff : efifb\n",
	  "010" },
	{ "behind the device the nest is left",
	  "d0000000-d0ffffff : PCI Bus 0000:01\n  d0000000-d0ffffff : 0000:01:00.0\n"
	  "  d1000000-d12fffff : efifb\n",
	  "000" },
	{ "a driver's name is no framebuffer",
	  "d0000000-d0ffffff : 0000:01:00.0\n  d0000000-d02fffff : nouveau\n", "000" },
	{ "a framebuffer in no device is nobody's", "d0000000-d02fffff : efifb\n", "000" },
	{ "addresses a user may not see do not matter",
	  "00000000-00000000 : 0000:03:00.0\n  00000000-00000000 : efifb\n", "001" },
	{ "a device nobody knows is none",
	  "d0000000-d0ffffff : 0000:07:00.0\n  d0000000-d02fffff : efifb\n", "000" },
	{ "lines that make no sense are passed over",
	  "\n:\n : \nefifb\n  0000:01:00.0\nd0 : 0000:01:00.0\n d0 : efifb\n", "100" },
	{ "a nest deeper than we follow is nobody's",
	  "0 : 0000:01:00.0\n 0 : a\n  0 : a\n   0 : a\n    0 : a\n     0 : a\n      0 : a\n"
	  "       0 : a\n        0 : a\n         0 : a\n          0 : a\n           0 : a\n"
	  "            0 : a\n             0 : a\n              0 : a\n               0 : a\n"
	  "                0 : a\n                 0 : a\n                  0 : 0000:02:00.0\n"
	  "0 : 0000:03:00.0\n 0 : efifb\n",
	  "001" },
};

static void check_row(void **state)
{
	const struct iomem_row *row = *state;
	struct iomem iomem = { .inventory = &inventory };
	struct text text = text_of(row->text), line;
	char got[4] = "";

	set_machine("01:00.0 030000 1:1\n02:00.0 030000 1:1\n03:00.0 030000 1:1\n");
	while (text_cut(&text, '\n', &line))
		iomem_line(&iomem, line);
	for (size_t i = 0; i < 3; i++)
		got[i] = inventory.devices[i].framebuffer ? '1' : '0';
	assert_string_equal(got, row->want);
}

int main(void)
{
	return TABLE(rows, check_row);
}
