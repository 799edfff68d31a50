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
	{ "addresses a user may not see are not known",
	  "00000000-00000000 : 0000:03:00.0\n  00000000-00000000 : efifb\n", "000" },
	{ "a device nobody knows is none",
	  "d0000000-d0ffffff : 0000:07:00.0\n  d0000000-d02fffff : efifb\n", "000" },
	{ "lines that make no sense are passed over",
	  "\n:\n : \nefifb\n  0000:01:00.0\nd0 : 0000:01:00.0\nd0-\n-d0\n"
	  "d0-dfd0-dfd0-dfd0-df : 0000:01:00.0\n01234567890123456-f : 0000:01:00.0\n"
	  " d0-d1 : efifb\n",
	  "000" },
	{ "behind five bridges the framebuffer is indented like its device",
	  "c0000000-dfffffff : PCI Bus 0000:00\n  d0000000-d7ffffff : PCI Bus 0000:04\n"
	  "    d0000000-d6ffffff : PCI Bus 0000:05\n      d0000000-d5ffffff : PCI Bus 0000:06\n"
	  "        d0000000-d4ffffff : PCI Bus 0000:07\n"
	  "          d0000000-d3ffffff : PCI Bus 0000:02\n"
	  "          d0000000-d0ffffff : 0000:02:00.0\n          d0000000-d02fffff : BOOTFB\n"
	  "          d1000000-d1003fff : 0000:03:00.0\n",
	  "010" },
	{ "addresses above four gigabytes count in full",
	  "4000000000-400fffffff : 0000:01:00.0\n5000000000-500fffffff : 0000:02:00.0\n"
	  "  5000000000-50002fffff : efifb\n",
	  "010" },
	{ "a framebuffer as large as its device is printed around it",
	  "d0000000-d0ffffff : BOOTFB\n  d0000000-d0ffffff : 0000:02:00.0\n"
	  "d1000000-d1ffffff : 0000:03:00.0\n",
	  "010" },
	{ "of a virtual function in its physical one the inner one counts",
	  "d0000000-dfffffff : 0000:01:00.0\n  d0000000-d0ffffff : 0000:02:00.0\n"
	  "    d0000000-d02fffff : efifb\n",
	  "010" },
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
