/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "variant.h"

#include "modplan.h"

#include <limits.h>

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

struct text rule_driver(const struct rule *rule, struct text steps, const struct device *device)
{
	return text_is(rule->driver, DRIVER_AUTO) ? variant_for(steps, device) : rule->driver;
}
