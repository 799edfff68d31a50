/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "value.h"

#include "device.h"
#include "path.h"

#include <string.h>

/* Classes by name: linux/pci_ids.h. Narrow ones first, for class_name(). */
static const struct {
	const char *name;
	struct class_pattern pattern;
} class_names[] = {
	{ "vga", { 0x030000, 0xffff00, NO_CLASS } },
	{ "nvme", { 0x010802, 0xffffff, NO_CLASS } },
	{ "sata", { 0x010600, 0xffff00, NO_CLASS } },
	{ "usb", { 0x0c0300, 0xffff00, CLASS_USB4 } },
	{ "audio", { 0x040300, 0xffff00, NO_CLASS } },
	{ "display", { 0x030000, 0xff0000, NO_CLASS } },
	{ "storage", { 0x010000, 0xff0000, NO_CLASS } },
	{ "network", { 0x020000, 0xff0000, NO_CLASS } },
	{ "accelerator", { 0x120000, 0xff0000, NO_CLASS } },
};

const char *class_name(uint32_t class)
{
	for (size_t i = 0; i < ARRAY_SIZE(class_names); i++)
		if (class_matches(&class_names[i].pattern, class))
			return class_names[i].name;
	return NULL;
}

const char *class_name_at(size_t i)
{
	return i < ARRAY_SIZE(class_names) ? class_names[i].name : NULL;
}

bool value_parse_class_name(struct text name, union value *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
		if (!text_is(name, class_names[i].name))
			continue;
		value->class = class_names[i].pattern;
		return true;
	}
	return false;
}

static bool parse_address(struct text item, union value *value)
{
	return address_parse_pattern(item, &value->address.at, &value->address.any_function);
}

/* Four hex digits or "*". */
static bool parse_half(struct text text, uint16_t *half, bool *any)
{
	uint32_t number = 0;

	*any = text_is(text, "*");
	if (!*any && !text_hex(text, 4, 4, &number))
		return false;
	*half = (uint16_t)number;
	return true;
}

static bool parse_id(struct text item, union value *value)
{
	struct text vendor;

	return text_cut(&item, ':', &vendor) && item.at &&
	       parse_half(vendor, &value->id.vendor, &value->id.any_vendor) &&
	       parse_half(item, &value->id.device, &value->id.any_device);
}

static bool parse_class(struct text item, union value *value)
{
	uint32_t number;
	unsigned missing;

	if (value_parse_class_name(item, value))
		return true;
	if (item.len % 2 || !text_hex(item, 2, 6, &number))
		return false;
	missing = (unsigned)(6 - item.len) * 4; /* bits */
	value->class.value = (uint32_t)number << missing;
	value->class.mask = 0xffffffu >> missing << missing;
	value->class.but = NO_CLASS;
	return true;
}

static bool parse_path(struct text item, union value *value)
{
	value->text = item;
	return path_is_valid(item);
}

static bool parse_flag(struct text item, union value *value)
{
	return text_number(item, 1, &value->flag) && item.len == 1;
}

/* An address, or a path: of one function. */
static bool parse_pf(struct text item, union value *value)
{
	struct address address;

	value->text = item;
	return address_parse(item, &address) || path_is_valid(item);
}

/* N or A-B: of at most 65,535 virtual functions the index, from 0. PCIe 9.3.3.8. */
static bool parse_vf(struct text item, union value *value)
{
	struct text start;
	uint32_t first, last;

	(void)text_cut(&item, '-', &start);
	if (!text_number(start, VF_NONE - 1, &first))
		return false;
	last = first;
	if (item.at && (!text_number(item, VF_NONE - 1, &last) || last < first))
		return false;
	value->range.first = (uint16_t)first;
	value->range.last = (uint16_t)last;
	return true;
}

static bool parse_slot(struct text item, union value *value)
{
	value->text = item;
	/* The name becomes a file name below /sys/bus/pci/slots. */
	return item.len && item.len < SLOT_NAME_SIZE && !memchr(item.at, '/', item.len) &&
	       !text_is(item, ".") && !text_is(item, "..");
}

static bool parse_dsn(struct text item, union value *value)
{
	struct text pair;
	uint32_t byte;
	int bytes = 0;

	value->dsn = 0;
	while (text_cut(&item, '-', &pair)) {
		if (!text_hex(pair, 2, 2, &byte))
			return false;
		value->dsn = value->dsn << 8 | byte;
		bytes++;
	}
	return bytes == 8;
}

void dsn_format(uint64_t dsn, char out[DSN_SIZE])
{
	for (size_t i = 0; i < 8; i++, dsn <<= 8) {
		out[3 * i] = "0123456789abcdef"[dsn >> 60];
		out[3 * i + 1] = "0123456789abcdef"[dsn >> 56 & 0xf];
		out[3 * i + 2] = i < 7 ? '-' : '\0';
	}
}

static const struct {
	const char *key;
	const char *expected;
	bool (*parse)(struct text item, union value *value);
} selectors[SELECTORS] = {
	[SELECT_ADDRESS] = { "address", "an address, [DDDD:]BB:DD.F in hex, or with .* at its end",
			     parse_address },
	[SELECT_ID] = { "id", "id=VVVV:DDDD, four hex digits or \"*\" on each side", parse_id },
	[SELECT_SUBSYSTEM] = { "subsystem",
			       "subsystem=VVVV:DDDD, four hex digits or \"*\" on each side",
			       parse_id },
	[SELECT_CLASS] = { "class", "class=HH, HHHH or HHHHHH in hex, or a name such as vga",
			   parse_class },
	[SELECT_PATH] = { "path", "path=DDDD:BB/DD.F/..., a root bus and the hops below it",
			  parse_path },
	[SELECT_BOOT_VGA] = { "boot_vga", "boot_vga=0 or boot_vga=1", parse_flag },
	[SELECT_BOOT_DISPLAY] = { "boot_display", "boot_display=0 or boot_display=1", parse_flag },
	[SELECT_PF] = { "pf", "pf=ADDRESS or pf=DDDD:BB/DD.F/..., a physical function", parse_pf },
	[SELECT_VF] = { "vf", "vf=N or vf=A-B, virtual functions by their index", parse_vf },
	[SELECT_SLOT] = { "slot", "slot=NAME, a name in /sys/bus/pci/slots", parse_slot },
	[SELECT_DSN] = { "dsn", "dsn=xx-xx-xx-xx-xx-xx-xx-xx, eight bytes in hex", parse_dsn },
};

const char *selector_key(enum selector selector)
{
	return selectors[selector].key;
}

const char *selector_expected(enum selector selector)
{
	return selectors[selector].expected;
}

bool value_parse(enum selector selector, struct text item, union value *value)
{
	/* Quotes stand around a whole value and nowhere else. */
	return !(item.len && memchr(item.at, '"', item.len)) &&
	       selectors[selector].parse(item, value);
}
