/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "id_list.h"

#include "words.h"

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
	static const char key[] = "ids=";
	struct text list = { 0 }, word;

	while (word_next(&options, &word)) {
		if (word.len < sizeof(key) - 1 || memcmp(word.at, key, sizeof(key) - 1) != 0)
			continue;
		list = (struct text){ word.at + sizeof(key) - 1, word.len - sizeof(key) + 1 };
		if (list.len >= 2 && list.at[0] == '"' && list.at[list.len - 1] == '"')
			list = (struct text){ list.at + 1, list.len - 2 };
	}
	return list;
}
