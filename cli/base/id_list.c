/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "id_list.h"

#include "cmdline.h"
#include "words.h"

#define ANY UINT32_MAX /* PCI_ANY_ID of linux/mod_devicetable.h */

/* "%x" of sscanf takes 0x before the digits, and up to eight of them fit. */
static bool parse_number(struct text field, uint32_t *number)
{
	if (field.len > 2 && field.at[0] == '0' && (field.at[1] | 0x20) == 'x')
		field = (struct text){ field.at + 2, field.len - 2 };
	return text_hex(field, 1, 8, number);
}

bool kind_next(struct text *list, struct kind *kind)
{
	uint32_t *const fields[] = { &kind->vendor,    &kind->device, &kind->subvendor,
				     &kind->subdevice, &kind->class,  &kind->class_mask };
	struct text item, field;

	while (text_cut(list, ',', &item)) {
		size_t count = 0;

		*kind = (struct kind){ .text = item, .subvendor = ANY, .subdevice = ANY };
		while (count < ARRAY_SIZE(fields) && text_cut(&item, ':', &field) &&
		       parse_number(field, fields[count]))
			count++;
		if (count >= 2)
			return true;
	}
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

bool kinds_match(struct text list, const struct device *device)
{
	struct kind kind;

	while (kind_next(&list, &kind))
		if (kind_matches(&kind, device))
			return true;
	return false;
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
