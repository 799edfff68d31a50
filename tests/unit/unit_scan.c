/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include "table.h"

#include <stdio.h>

#define REST "MODALIAS=pci:v000010DEd00001C82sv00001043sd0000862Abc03sc00i00\n"

struct uevent {
	const char *name, *text;
	const char *want; /* class vendor:device subsystem driver, or NULL */
	bool passthrough;
};

static const struct uevent uevents[] = {
	{ "a device without a driver",
	  "PCI_CLASS=30000\nPCI_ID=10DE:1C82\nPCI_SUBSYS_ID=1043:862A\n"
	  "PCI_SLOT_NAME=0000:01:00.0\n" REST,
	  "030000 10de:1c82 1043:862a ", false },
	{ "a device with a driver",
	  "DRIVER=nouveau\nPCI_CLASS=30000\nPCI_ID=10DE:1C82\nPCI_SUBSYS_ID=1043:862A\n" REST,
	  "030000 10de:1c82 1043:862a nouveau", false },
	{ "a device with a guest's driver",
	  "DRIVER=vfio-pci\nPCI_CLASS=C0330\nPCI_ID=8086:A36D\nPCI_SUBSYS_ID=1043:862A\n" REST,
	  "0c0330 8086:a36d 1043:862a vfio-pci", true },
	{ "a device with a variant driver",
	  "DRIVER=mlx5_vfio_pci\nPCI_CLASS=20000\nPCI_ID=15B3:101E\nPCI_SUBSYS_ID=0000:0000\n",
	  "020000 15b3:101e 0000:0000 mlx5_vfio_pci", true },
	{ "a class of six digits", "PCI_CLASS=120000\nPCI_ID=1DA3:0001\nPCI_SUBSYS_ID=0000:0000\n",
	  "120000 1da3:0001 0000:0000 ", false },
	{ "a class of four digits", "PCI_CLASS=0000\nPCI_ID=106B:1801\nPCI_SUBSYS_ID=106B:1801\n",
	  "000000 106b:1801 106b:1801 ", false },
	{ "a device node's lines before ours",
	  "MAJOR=1\nMINOR=2\nPCI_CLASS=30000\nPCI_ID=10DE:1C82\nPCI_SUBSYS_ID=1043:862A\n",
	  "030000 10de:1c82 1043:862a ", false },
	{ "a very long driver name is cut where it is kept",
	  "DRIVER=abcdefghijklmnopqrstuvwxyz0123456789abcdefghij\n"
	  "PCI_CLASS=30000\nPCI_ID=10DE:1C82\nPCI_SUBSYS_ID=1043:862A\n",
	  "030000 10de:1c82 1043:862a abcdefghijklmnopqrstuvwxyz0123456789abc", false },
	{ "a driver's name that ends nowhere is none", "DRIVER=", NULL, false },
	{ "an empty uevent is none", "", NULL, false },
	{ "a uevent without a class is none", "PCI_ID=10DE:1C82\nPCI_SUBSYS_ID=1043:862A\n", NULL,
	  false },
	{ "a uevent without an id is none", "PCI_CLASS=30000\nPCI_SUBSYS_ID=1043:862A\n", NULL,
	  false },
	{ "an id cut short is none", "PCI_CLASS=30000\nPCI_ID=10DE:1C8", NULL, false },
	{ "an id that is no hex is none", "PCI_CLASS=30000\nPCI_ID=10DE:1CZZ\n", NULL, false },
	{ "a class that is no hex is none", "PCI_CLASS=vga\nPCI_ID=10DE:1C82\n", NULL, false },
};

static void check_uevent(void **state)
{
	const struct uevent *row = *state;
	struct device device = { 0 };
	char got[128];

	assert_int_equal(scan_parse_uevent(text_of(row->text), &device), row->want != NULL);
	if (!row->want)
		return;
	snprintf(got, sizeof(got), "%06x %04x:%04x %04x:%04x %s", device.class, device.vendor,
		 device.device, device.subvendor, device.subdevice, device.driver);
	assert_string_equal(got, row->want);
	assert_int_equal(device.passthrough, row->passthrough);
}

struct link {
	const char *name, *text;
	bool ok;
	struct address parent; /* where on_root is false */
	bool on_root;
	struct address root;
	bool below_function;
};

static const struct link links[] = {
	{ "a device on a root bus",
	  "../../../devices/pci0000:40/0000:40:01.1",
	  true,
	  { 0 },
	  true,
	  { 0, 0x40, 0 },
	  false },
	{ "a device below a bridge",
	  "../../../devices/pci0000:40/0000:40:01.1/0000:41:00.0",
	  true,
	  { 0, 0x40, 9 },
	  false,
	  { 0 },
	  false },
	{ "a device below two bridges",
	  "../../../devices/pci0000:40/0000:40:01.1/0000:41:00.0/0000:42:08.0",
	  true,
	  { 0, 0x41, 0 },
	  false,
	  { 0 },
	  false },
	{ "a root bus below a VMD controller",
	  "../../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0",
	  true,
	  { 0 },
	  true,
	  { 0x10000, 0xe0, 0 },
	  true },
	{ "a root bus below an ACPI or platform device",
	  "../../../devices/platform/40000000.pcie/pci0000:00/0000:00:00.0",
	  true,
	  { 0 },
	  true,
	  { 0, 0, 0 },
	  false },
	{ "a name alone is no link", "0000:40:01.1", false, { 0 }, false, { 0 }, false },
	{ "a device below nothing of PCI is none",
	  "../../../devices/virtual/0000:40:01.1",
	  false,
	  { 0 },
	  false,
	  { 0 },
	  false },
};

static void check_link(void **state)
{
	const struct link *row = *state;
	struct device device = { 0 };
	struct text link = text_of(row->text);
	const char *slash = strrchr(row->text, '/');
	size_t name_len = strlen(slash ? slash + 1 : row->text);
	uint64_t parent = 0;

	assert_int_equal(scan_parse_link(link, name_len, &device, &parent), row->ok);
	if (!row->ok)
		return;
	assert_true(parent == (row->on_root ? UINT64_MAX : address_key(row->parent)));
	if (!row->on_root)
		return;
	assert_int_equal(device.root.domain, row->root.domain);
	assert_int_equal(device.root.bus, row->root.bus);
	assert_int_equal(device.below_function, row->below_function);
}

/* No kernel writes one; found by tests/fuzz. */
static void a_drivers_name_with_a_nul_byte_is_none(void **state)
{
	static const char uevent[] = "DRIVER=\0-vfio-pci\nPCI_CLASS=30000\nPCI_ID=10DE:1C82\n";
	struct device device = { 0 };

	(void)state;
	assert_false(scan_parse_uevent((struct text){ uevent, sizeof(uevent) - 1 }, &device));
	assert_false(device.passthrough);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drivers_name_with_a_nul_byte_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) + TABLE(uevents, check_uevent) +
	       TABLE(links, check_link);
}
