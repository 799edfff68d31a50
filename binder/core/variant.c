/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "variant.h"

#include "modplan.h"

#include <limits.h>
#include <string.h>

/* One field of an alias: its letters, then "*" or the value in capital digits, and no others. */
static bool take_field(struct text *alias, const char *letters, unsigned value, int digits,
		       unsigned *wildcards)
{
	while (*letters)
		if (!take_byte(alias, *letters++))
			return false;
	if (take_byte(alias, '*')) {
		++*wildcards;
		return true;
	}
	while (digits--)
		if (!take_byte(alias, "0123456789ABCDEF"[value >> 4 * digits & 0xf]))
			return false;
	return true;
}

/* vfio_pci:vNNNNNNNNdNNNNNNNNsvNNNNNNNNsdNNNNNNNNbcNNscNNiNN: linux/scripts/mod/file2alias.c */
bool variant_matches(struct text alias, const struct device *device, unsigned *wildcards)
{
	unsigned class = device->class;

	*wildcards = 0;
	return take_field(&alias, VARIANT_PREFIX "v", device->vendor, 8, wildcards) &&
	       take_field(&alias, "d", device->device, 8, wildcards) &&
	       take_field(&alias, "sv", device->subvendor, 8, wildcards) &&
	       take_field(&alias, "sd", device->subdevice, 8, wildcards) &&
	       take_field(&alias, "bc", class >> 16, 2, wildcards) &&
	       take_field(&alias, "sc", class >> 8, 2, wildcards) &&
	       take_field(&alias, "i", class, 2, wildcards) && !alias.len;
}

struct text variant_for(struct text steps, const struct device *device)
{
	struct text best = text_of(DRIVER_DEFAULT);
	unsigned fewest = UINT_MAX, wildcards;
	struct module_step step;

	while (modplan_next(&steps, &step) > 0) {
		if (!step.variant || !variant_matches(step.options, device, &wildcards) ||
		    wildcards >= fewest)
			continue;
		fewest = wildcards;
		best = step.file;
	}
	return best;
}

struct text variant_driver(struct text module)
{
	if (module_name_equal(module, text_of(DRIVER_DEFAULT)))
		return text_of(DRIVER_DEFAULT);
	return driver_is_choice(module) ? module : text_of("");
}

bool variant_parse(struct text line, struct text *driver, struct text *alias)
{
	const size_t len = sizeof(VARIANT_PREFIX) - 1;
	struct text word;

	if (!text_cut(&line, ' ', &word) || !text_is(word, "alias") ||
	    !text_cut(&line, ' ', alias) || alias->len < len ||
	    memcmp(alias->at, VARIANT_PREFIX, len) != 0 || !line.at)
		return false;
	*driver = variant_driver(line);
	return driver->len;
}

bool policy_asks_auto(const struct policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		if (text_is(policy->rules[i].driver, DRIVER_AUTO))
			return true;
	return false;
}

struct text rule_driver(const struct rule *rule, struct text steps, const struct device *device)
{
	return text_is(rule->driver, DRIVER_AUTO) ? variant_for(steps, device) : rule->driver;
}
