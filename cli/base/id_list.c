/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "id_list.h"

#include "cmdline.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

#define ANY UINT32_MAX /* PCI_ANY_ID of linux/mod_devicetable.h */

/* "%x" of sscanf takes 0x before the digits, and up to eight of them fit. */
static bool parse_number(struct text field, uint32_t *number)
{
	if (field.len > 2 && field.at[0] == '0' && (field.at[1] | 0x20) == 'x')
		field = (struct text){ field.at + 2, field.len - 2 };
	return text_hex(field, 1, 8, number);
}

static bool parse(struct text item, struct kind *kind)
{
	uint32_t *const fields[] = { &kind->vendor,    &kind->device, &kind->subvendor,
				     &kind->subdevice, &kind->class,  &kind->class_mask };
	struct text field;
	size_t count = 0;

	*kind = (struct kind){ .text = item, .subvendor = ANY, .subdevice = ANY };
	while (count < ARRAY_SIZE(fields) && text_cut(&item, ':', &field) &&
	       parse_number(field, fields[count]))
		count++;
	return count >= 2;
}

bool kind_next(struct text *list, struct kind *kind)
{
	struct text item;

	while (text_cut(list, ',', &item))
		if (parse(item, kind))
			return true;
	return false;
}

static bool is_any_or(uint32_t wanted, uint32_t value)
{
	return wanted == ANY || wanted == value;
}

bool kind_matches(const struct kind *kind, const struct device *device)
{
	return is_any_or(kind->vendor, device->vendor) && is_any_or(kind->device, device->device) &&
	       is_any_or(kind->subvendor, device->subvendor) &&
	       is_any_or(kind->subdevice, device->subdevice) &&
	       !((kind->class ^ device->class) & kind->class_mask);
}

struct text kinds_in_options(struct text options)
{
	struct text list = { 0 };
	struct cmdline_word word;

	/* The kernel parses them as it parses its command line, quotes and all. */
	while (cmdline_next(&options, &word))
		if (word.value.at && text_is(word.name, "ids"))
			list = word.value;
	return list;
}

bool takes_kinds(struct text module)
{
	return conf_is_module(module, "vfio-pci") || conf_is_module(module, "pci-stub");
}

bool is_kinds_parameter(struct text name)
{
	struct text module;

	return text_cut(&name, '.', &module) && name.at && text_is(name, "ids") &&
	       takes_kinds(module);
}

/* The value of KEY=="VALUE" in a rule, or one with at NULL. */
static struct text udev_match(struct text rule, const char *key)
{
	const char *at = memmem(rule.at, rule.len, key, strlen(key));
	struct text value = { 0 }, rest;

	if (!at)
		return value;
	rest.at = at + strlen(key);
	rest.len = (size_t)(rule.at + rule.len - rest.at);
	return text_cut(&rest, '"', &value) && rest.at ? value : (struct text){ 0 };
}

struct text udev_device(struct text rule, char id[UDEV_ID_SIZE])
{
	struct text name = udev_match(rule, "KERNEL==\"");
	struct text vendor = udev_match(rule, "{vendor}==\"");
	struct text device = udev_match(rule, "{device}==\"");
	uint32_t numbers[2];

	if (vendor.at && device.at && parse_number(vendor, &numbers[0]) &&
	    parse_number(device, &numbers[1])) {
		(void)snprintf(id, UDEV_ID_SIZE, "%04x:%04x", numbers[0] & 0xffff,
			       numbers[1] & 0xffff);
		return text_of(id);
	}
	return name.at ? name : udev_match(rule, "KERNELS==\"");
}

bool kinds_take_udev(void *context, const struct conf_line *line)
{
	const struct kinds_reading *reading = context;
	char id[UDEV_ID_SIZE];
	struct text what;

	if (!memmem(line->text.at, line->text.len, "driver_override", 15) ||
	    !conf_has_word(line->text, "vfio-pci"))
		return true;
	what = udev_device(line->text, id);
	return !what.len || reading->take(reading->context, line, what);
}

int kinds_read_udev(struct machine *machine, kinds_take take, void *context)
{
	struct kinds_reading reading = { take, context };

	return conf_read_udev(machine, kinds_take_udev, &reading);
}
