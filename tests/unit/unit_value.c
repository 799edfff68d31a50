/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "value.h"

#include "table.h"

struct parse {
	const char *name;
	enum selector selector;
	const char *text;
	bool want;
};

static const struct parse parses[] = {
	{ "an id is vendor and device", SELECT_ID, "10de:1c82", true },
	{ "an id may leave the device open", SELECT_ID, "10de:*", true },
	{ "an id may leave the vendor open", SELECT_ID, "*:1c82", true },
	{ "an id may leave both open", SELECT_ID, "*:*", true },
	{ "an id is of any case", SELECT_ID, "10DE:1C82", true },
	{ "a star stands for a whole half", SELECT_ID, "10*:1c82", false },
	{ "half of an id has four digits, not three", SELECT_ID, "10de:1c8", false },
	{ "half of an id has four digits, not five", SELECT_ID, "10de:1c820", false },
	{ "a vendor alone is no id", SELECT_ID, "10de", false },
	{ "an id has two halves, not three", SELECT_ID, "10de:1c82:1043", false },
	{ "an id has no prefix", SELECT_ID, "0x10de:1c82", false },
	{ "an id may not be empty", SELECT_ID, "", false },
	{ "a subsystem is written like an id", SELECT_SUBSYSTEM, "1043:*", true },
	{ "a class may be one byte", SELECT_CLASS, "03", true },
	{ "a class may be two bytes", SELECT_CLASS, "0c03", true },
	{ "a class may be three bytes", SELECT_CLASS, "010802", true },
	{ "a class has an even number of digits", SELECT_CLASS, "030", false },
	{ "a class has at most six digits", SELECT_CLASS, "01080200", false },
	{ "a class may not be empty", SELECT_CLASS, "", false },
	{ "class= takes a name too", SELECT_CLASS, "vga", true },
	{ "boot_vga is 0", SELECT_BOOT_VGA, "0", true },
	{ "boot_vga is 1", SELECT_BOOT_VGA, "1", true },
	{ "boot_vga is nothing else", SELECT_BOOT_VGA, "2", false },
	{ "boot_vga has one digit", SELECT_BOOT_VGA, "01", false },
	{ "boot_display is 0 or 1", SELECT_BOOT_DISPLAY, "1", true },
	{ "boot_display is no word", SELECT_BOOT_DISPLAY, "yes", false },
	{ "a path is checked", SELECT_PATH, "0000:00/01.0/00.0", true },
	{ "a path without hops is none", SELECT_PATH, "0000:00", false },
	{ "a slot may hold a blank", SELECT_SLOT, "PCI 3", true },
	{ "a slot may be a number with a suffix", SELECT_SLOT, "5-1", true },
	{ "a slot may not be empty", SELECT_SLOT, "", false },
	{ "a slot is one file name", SELECT_SLOT, "../3", false },
	{ "a slot is not its own folder", SELECT_SLOT, ".", false },
	{ "a slot is not the folder above", SELECT_SLOT, "..", false },
	{ "a serial number has eight bytes", SELECT_DSN, "00-25-38-b1-21-00-51-3a", true },
	{ "a serial number is of any case", SELECT_DSN, "00-25-38-B1-21-00-51-3A", true },
	{ "a serial number of zeros can be written", SELECT_DSN, "00-00-00-00-00-00-00-00", true },
	{ "a serial number has no seven bytes", SELECT_DSN, "25-38-b1-21-00-51-3a", false },
	{ "a serial number has no nine bytes", SELECT_DSN, "00-00-25-38-b1-21-00-51-3a", false },
	{ "a serial number is written with dashes", SELECT_DSN, "00:25:38:b1:21:00:51:3a", false },
	{ "a serial number has no dash at its end", SELECT_DSN, "00-25-38-b1-21-00-51-3a-", false },
	{ "an address is checked", SELECT_ADDRESS, "0000:41:00.*", true },
	{ "an address that is none is none", SELECT_ADDRESS, "41", false },
};

static void check_parse(void **state)
{
	const struct parse *row = *state;
	union value value;

	memset(&value, 0, sizeof(value));
	assert_int_equal(value_parse(row->selector, text_of(row->text), &value), row->want);
	assert_true(*selector_key(row->selector));
	assert_true(*selector_expected(row->selector));
}

struct class
{
	const char *name, *text; /* a name, or digits */
	uint32_t class;
	bool want;
};

static const struct class classes[] = {
	{ "vga is 0300", "vga", 0x030000, true },
	{ "vga is every interface of 0300", "vga", 0x0300ff, true },
	{ "vga is not 0380", "vga", 0x038000, false },
	{ "display is 0380", "display", 0x038000, true },
	{ "display is 0302", "display", 0x030200, true },
	{ "display is not 0400", "display", 0x040000, false },
	{ "nvme is 010802", "nvme", 0x010802, true },
	{ "nvme is not 010801", "nvme", 0x010801, false },
	{ "sata is 0106", "sata", 0x010601, true },
	{ "sata is not 0101", "sata", 0x010180, false },
	{ "storage is 01", "storage", 0x018002, true },
	{ "storage is not 02", "storage", 0x020000, false },
	{ "usb is 0c03", "usb", 0x0c0330, true },
	{ "usb is not USB4's host interface", "usb", 0x0c0340, false },
	{ "usb is not SMBus", "usb", 0x0c0500, false },
	{ "audio is 0403", "audio", 0x040300, true },
	{ "audio is 0403 of every interface", "audio", 0x040380, true },
	{ "audio is not 0401", "audio", 0x040100, false },
	{ "network is 02", "network", 0x028000, true },
	{ "network is not 0d", "network", 0x0d1100, false },
	{ "accelerator is 12", "accelerator", 0x120000, true },
	{ "accelerator is not 11", "accelerator", 0x118000, false },
	{ "one byte is the base class", "0c", 0x0c0340, true },
	{ "two bytes are class and subclass", "0c03", 0x0c0340, true },
	{ "three bytes are all of it", "0c0330", 0x0c0340, false },
};

static void check_class(void **state)
{
	const struct class *row = *state;
	union value value;

	memset(&value, 0, sizeof(value));
	assert_true(value_parse_class_name(text_of(row->text), &value) ||
		    value_parse(SELECT_CLASS, text_of(row->text), &value));
	assert_int_equal(class_matches(&value.class, row->class), row->want);
}

struct bare {
	const char *name, *text;
};

static const struct bare no_names[] = {
	{ "class names are lower case", "VGA" },
	{ "a class name is whole", "vg" },
	{ "a class name has nothing behind it", "vga " },
	{ "digits are no class name", "03" },
	{ "nothing is no class name", "" },
};

static void check_no_name(void **state)
{
	const struct bare *row = *state;
	union value value;

	assert_false(value_parse_class_name(text_of(row->text), &value));
}

struct shown {
	const char *name;
	uint32_t class;
	const char *want;
};

static const struct shown shown[] = {
	{ "a VGA card is shown as vga", 0x030000, "vga" },
	{ "another display is shown as display", 0x038000, "display" },
	{ "an NVMe drive is shown as nvme, not as storage", 0x010802, "nvme" },
	{ "a RAID controller is shown as storage", 0x010400, "storage" },
	{ "a bridge has no name", 0x060400, NULL },
};

static void check_shown(void **state)
{
	const struct shown *row = *state;

	if (row->want)
		assert_string_equal(class_name(row->class), row->want);
	else
		assert_null(class_name(row->class));
}

struct last_name {
	const char *name;
	size_t at;
	const char *want;
};

static const struct last_name last_names[] = {
	{ "the first class is the narrowest", 0, "vga" },
	{ "there are nine classes", 8, "accelerator" },
	{ "and no more", 9, NULL },
};

static void check_last_name(void **state)
{
	const struct last_name *row = *state;

	if (row->want)
		assert_string_equal(class_name_at(row->at), row->want);
	else
		assert_null(class_name_at(row->at));
}

struct dsn {
	const char *name, *text;
	uint64_t want;
};

static const struct dsn dsns[] = {
	{ "a serial number is big-endian", "00-25-38-b1-21-00-51-3a", 0x002538b12100513a },
	{ "the largest serial number fits", "ff-ff-ff-ff-ff-ff-ff-ff", UINT64_MAX },
};

static void check_dsn(void **state)
{
	const struct dsn *row = *state;
	union value value;
	char got[DSN_SIZE];

	assert_true(value_parse(SELECT_DSN, text_of(row->text), &value));
	assert_true(value.dsn == row->want);
	dsn_format(row->want, got);
	assert_string_equal(got, row->text);
}

int main(void)
{
	return TABLE(parses, check_parse) + TABLE(classes, check_class) +
	       TABLE(no_names, check_no_name) + TABLE(shown, check_shown) +
	       TABLE(last_names, check_last_name) + TABLE(dsns, check_dsn);
}
