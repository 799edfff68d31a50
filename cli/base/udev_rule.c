/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "udev_rule.h"

#include "conf_file.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VALUE_SIZE 256

/* KEY{ATTRIBUTE} OP "VALUE" */
struct match {
	struct text key, attribute, value;
	bool equal;       /* == */
	bool ignore_case; /* i"VALUE" */
};

bool udev_rule_overrides(struct text rule)
{
	static const char attribute[] = "driver_override";

	return memmem(rule.at, rule.len, attribute, sizeof(attribute) - 1) &&
	       conf_has_word(rule, "vfio-pci");
}

/* Takes the next match off the front of a rule; what it assigns is passed over. */
static bool match_next(struct text *rule, struct match *match)
{
	struct text before, value;

	while (text_cut(rule, '"', &before) && rule->at && text_cut(rule, '"', &value)) {
		struct text key = before;

		while (key.len && strchr(", \t", key.at[0]))
			key = (struct text){ key.at + 1, key.len - 1 };
		*match = (struct match){ .value = value };
		match->ignore_case = key.len && key.at[key.len - 1] == 'i';
		key.len -= match->ignore_case;
		while (key.len && strchr(" \t", key.at[key.len - 1]))
			key.len--;
		match->equal = text_ends(key, "==");
		if (!match->equal && !text_ends(key, "!="))
			continue;
		key.len -= 2;
		while (key.len && strchr(" \t", key.at[key.len - 1]))
			key.len--;
		(void)text_cut(&key, '{', &match->key);
		if (key.at && key.len)
			match->attribute = (struct text){ key.at, key.len - 1 };
		return true;
	}
	return false;
}

static bool is_key(const struct match *match, const char *key, const char *attribute)
{
	size_t len = strlen(key);
	bool plural = match->key.len == len + 1 && match->key.at[len] == 'S';

	return (match->key.len == len || plural) && !memcmp(match->key.at, key, len) &&
	       text_is(match->attribute, attribute);
}

/* What the function has of what a match looks at, as sysfs and its uevent spell it. */
static bool function_value(const struct match *match, const struct device *device,
			   char out[VALUE_SIZE])
{
	const struct {
		const char *attribute;
		unsigned value, digits;
	} numbers[] = {
		{ "vendor", device->vendor, 4 },
		{ "device", device->device, 4 },
		{ "subsystem_vendor", device->subvendor, 4 },
		{ "subsystem_device", device->subdevice, 4 },
		{ "class", device->class, 6 },
	};

	if (is_key(match, "KERNEL", "") || is_key(match, "ENV", "PCI_SLOT_NAME"))
		return address_format(device->address, out), true;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (is_key(match, "ATTR", numbers[i].attribute)) {
			(void)snprintf(out, VALUE_SIZE, "0x%0*x", (int)numbers[i].digits,
				       numbers[i].value);
			return true;
		}
	if (is_key(match, "ENV", "PCI_ID"))
		(void)snprintf(out, VALUE_SIZE, "%04X:%04X", device->vendor, device->device);
	else if (is_key(match, "ENV", "PCI_CLASS"))
		(void)snprintf(out, VALUE_SIZE, "%X", device->class);
	else if (is_key(match, "ENV", "MODALIAS") || is_key(match, "ATTR", "modalias"))
		(void)snprintf(out, VALUE_SIZE, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
			       device->vendor, device->device, device->subvendor, device->subdevice,
			       device->class >> 16, device->class >> 8 & 0xff,
			       device->class & 0xff);
	else
		return false;
	return true;
}

/* Patterns of fnmatch(3), with "|" between them: udev(7). */
static bool holds(const struct match *match, const char *value)
{
	struct text rest = match->value, alternative;
	char pattern[VALUE_SIZE];

	while (text_cut(&rest, '|', &alternative)) {
		(void)snprintf(pattern, sizeof(pattern), "%.*s", (int)alternative.len,
			       alternative.at);
		if (!fnmatch(pattern, value, match->ignore_case ? FNM_CASEFOLD : 0))
			return match->equal;
	}
	return !match->equal;
}

bool udev_rule_matches(struct text rule, const struct device *device)
{
	struct match match;
	char value[VALUE_SIZE];
	bool any = false;

	while (match_next(&rule, &match)) {
		if (!function_value(&match, device, value))
			continue;
		if (!holds(&match, value))
			return false;
		any |= match.equal;
	}
	return any;
}

static bool is_exact(struct text value)
{
	for (size_t i = 0; i < value.len; i++)
		if (strchr("*?[|", value.at[i]))
			return false;
	return value.len > 0;
}

struct text udev_rule_device(struct text rule, char id[UDEV_ID_SIZE])
{
	struct text name = { 0 }, vendor = { 0 }, device = { 0 };
	struct match match;
	uint32_t numbers[2];

	while (match_next(&rule, &match)) {
		if (!match.equal || !is_exact(match.value))
			continue;
		if (is_key(&match, "KERNEL", "") || is_key(&match, "ENV", "PCI_SLOT_NAME"))
			name = match.value;
		else if (is_key(&match, "ATTR", "vendor"))
			vendor = match.value;
		else if (is_key(&match, "ATTR", "device"))
			device = match.value;
		else if (is_key(&match, "ENV", "PCI_ID")) {
			device = match.value;
			(void)text_cut(&device, ':', &vendor);
		}
	}
	if (name.len)
		return name;
	if (vendor.len > 2 && vendor.at[1] == 'x')
		vendor = (struct text){ vendor.at + 2, vendor.len - 2 };
	if (device.len > 2 && device.at[1] == 'x')
		device = (struct text){ device.at + 2, device.len - 2 };
	if (!text_hex(vendor, 4, 4, &numbers[0]) || !text_hex(device, 4, 4, &numbers[1]))
		return name;
	(void)snprintf(id, UDEV_ID_SIZE, "%04x:%04x", numbers[0], numbers[1]);
	return text_of(id);
}
