/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "match.h"

#include "guard.h"
#include "path.h"
#include "value.h"

static bool id_matches(const struct id_pattern *pattern, uint16_t vendor, uint16_t device)
{
	return (pattern->any_vendor || pattern->vendor == vendor) &&
	       (pattern->any_device || pattern->device == device);
}

static bool address_matches(const union value *value, const struct device *device)
{
	if (value->address.any_function)
		return address_same_slot(value->address.at, device->address);
	return address_equal(value->address.at, device->address);
}

static bool boot_display_matches(struct decision *decision, uint32_t wanted, size_t index)
{
	const struct device *device = &decision->inventory->devices[index];

	if (!device_has_base_class(device, CLASS_BASE_DISPLAY) && !wanted)
		return false; /* 0 asks for a display that is known not to be it */
	if (device_has_base_class(device, CLASS_BASE_DISPLAY) &&
	    (!need_facts(decision, index, FACT_PHYSFN) || device->is_virtual))
		return false; /* a virtual function is neither */
	return decide_picture(decision, index) == (wanted ? PICTURE_YES : PICTURE_NO);
}

static bool slot_matches(struct decision *decision, struct text name, size_t index)
{
	const struct inventory *inventory = decision->inventory;
	const struct slot *slot;

	if (!need_machine_fact(decision, FACT_SLOTS))
		return false;
	slot = inventory_slot_named(inventory, name);
	return slot && inventory_is_in_slot(inventory, index, slot);
}

/* The virtual functions of that physical one. */
static bool pf_matches(struct decision *decision, struct text place, size_t index)
{
	const struct inventory *inventory = decision->inventory;
	const struct device *device = &inventory->devices[index];
	struct address address;

	if (!need_facts(decision, index, FACT_PHYSFN) || !device->is_virtual ||
	    device->physfn == NO_DEVICE)
		return false;
	if (address_parse(place, &address))
		return address_equal(address, inventory->devices[device->physfn].address);
	return path_matches(place, inventory, device->physfn);
}

static bool value_matches(struct decision *decision, enum selector selector,
			  const union value *value, size_t index)
{
	const struct device *device = &decision->inventory->devices[index];

	switch (selector) {
	case SELECT_ADDRESS:
		return address_matches(value, device);
	case SELECT_ID:
		return id_matches(&value->id, device->vendor, device->device);
	case SELECT_SUBSYSTEM:
		return id_matches(&value->id, device->subvendor, device->subdevice);
	case SELECT_CLASS:
		return class_matches(&value->class, device->class);
	case SELECT_PATH:
		return path_matches(value->text, decision->inventory, index);
	case SELECT_BOOT_VGA:
		return need_facts(decision, index, FACT_BOOT_VGA) &&
		       device->boot_vga == (int8_t)value->flag;
	case SELECT_BOOT_DISPLAY:
		return boot_display_matches(decision, value->flag, index);
	case SELECT_SLOT:
		return slot_matches(decision, value->text, index);
		/* Firmware leaves all zeros or all ones where nobody gave the card a number. */
	case SELECT_DSN:
		return need_facts(decision, index, FACT_DSN) && value->dsn &&
		       value->dsn != UINT64_MAX && device->dsn == value->dsn;
	case SELECT_PF:
		return pf_matches(decision, value->text, index);
	case SELECT_VF:
		return need_facts(decision, index, FACT_PHYSFN) && device->is_virtual &&
		       device->vf >= value->range.first && device->vf <= value->range.last;
	case SELECTORS:
		break;
	}
	return false;
}

/* What a selector goes by. */
static const uint16_t selector_facts[SELECTORS] = {
	[SELECT_ID] = FACT_IDENTITY,
	[SELECT_SUBSYSTEM] = FACT_IDENTITY,
	[SELECT_CLASS] = FACT_IDENTITY,
	[SELECT_PATH] = FACT_PLACE,
	[SELECT_BOOT_VGA] = FACT_BOOT_VGA,
	[SELECT_BOOT_DISPLAY] = FACT_IDENTITY | FACT_BOOT_VGA | FACT_DRM | FACT_PHYSFN,
	[SELECT_PF] = FACT_PHYSFN,
	[SELECT_VF] = FACT_PHYSFN,
	[SELECT_SLOT] = FACT_PLACE,
	[SELECT_DSN] = FACT_DSN,
};

bool selector_matches(struct decision *decision, const struct rule *rule, enum selector selector,
		      size_t index)
{
	const struct values *values = &rule->select[selector];
	const union value *value = &decision->policy->values[values->first];

	for (size_t i = 0; i < values->count; i++)
		if (value_matches(decision, selector, &value[i], index))
			return true;
	/* What could not be read may be what is meant: then the guard of that name says so. */
	return values->count &&
	       (decision->inventory->devices[index].unreadable & selector_facts[selector]);
}

/* The selectors stand in the order of their cost, so that facts are asked for last. */
bool rule_matches_but(struct decision *decision, const struct rule *rule, size_t index,
		      unsigned spared)
{
	for (unsigned left = rule->given & ~spared; left; left &= left - 1) {
		enum selector selector = (enum selector)__builtin_ctz(left);

		if (!selector_matches(decision, rule, selector, index))
			return false;
	}
	return true;
}

bool rule_names_place(const struct rule *rule)
{
	return rule_has(rule, SELECT_ADDRESS) || rule_has(rule, SELECT_PATH);
}

size_t rule_place(struct decision *decision, const struct rule *rule)
{
	for (size_t i = 0; i < decision->inventory->count; i++) {
		if (selector_matches(decision, rule, SELECT_ADDRESS, i) ||
		    selector_matches(decision, rule, SELECT_PATH, i))
			return i;
	}
	return NO_DEVICE;
}

/* The function number of the one place that the rule names, or -1. */
static int place_function(const struct policy *policy, const struct rule *rule)
{
	const struct values *addresses = &rule->select[SELECT_ADDRESS];
	const struct values *paths = &rule->select[SELECT_PATH];
	struct text path;

	if (addresses->count == 1 && !policy->values[addresses->first].address.any_function)
		return policy->values[addresses->first].address.at.devfn & 7;
	if (paths->count != 1)
		return -1;
	path = policy->values[paths->first].text;
	return path.at[path.len - 1] - '0';
}

size_t rule_candidate(struct decision *decision, const struct rule *rule)
{
	const unsigned place = 1u << SELECT_ADDRESS | 1u << SELECT_PATH;
	int function = place_function(decision->policy, rule);
	size_t found = NO_DEVICE, same = NO_DEVICE, count = 0, same_count = 0;

	if (function < 0 || !rule_has_whole_id(decision->policy, rule))
		return NO_DEVICE;
	for (size_t i = 0; i < decision->inventory->count; i++) {
		const struct device *device = &decision->inventory->devices[i];

		if (device->unreadable || !rule_matches_but(decision, rule, i, place))
			continue;
		found = i;
		count++;
		if ((device->address.devfn & 7) != function)
			continue;
		same = i;
		same_count++;
	}
	if (count == 1)
		return found;
	return same_count == 1 ? same : NO_DEVICE;
}
