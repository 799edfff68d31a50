/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtual.h"

#include "guard.h"
#include "match.h"
#include "path.h"

/* The place is that of a device on the bus, or of one that nobody has seen, on a bus behind it. */
static bool may_be_at(const struct decision *decision, const struct rule *rule, size_t index)
{
	const struct address own = decision->inventory->devices[index].address;
	const struct values *values = &rule->select[SELECT_ADDRESS];

	for (size_t i = 0; i < values->count; i++) {
		struct address at = decision->policy->values[values->first + i].address.at;

		if (at.domain == own.domain && address_key(at) > address_key(own))
			return true;
	}
	return false;
}

static bool may_be_beside(const struct decision *decision, const struct rule *rule, size_t index)
{
	const struct values *values = &rule->select[SELECT_PATH];

	for (size_t i = 0; i < values->count; i++)
		if (path_is_beside(decision->policy->values[values->first + i].text,
				   decision->inventory, index))
			return true;
	return false;
}

/* The vendor is the physical function's: PCIe 9.3.4.1.1. */
static bool may_have_id(struct decision *decision, const struct rule *rule, size_t index)
{
	const struct device *device = &decision->inventory->devices[index];
	const struct values *values = &rule->select[SELECT_ID];

	for (size_t i = 0; i < values->count; i++) {
		const struct id_pattern *id = &decision->policy->values[values->first + i].id;

		if ((id->any_vendor || id->vendor == device->vendor) &&
		    need_facts(decision, index, FACT_SRIOV) &&
		    (id->any_device || id->device == device->vf_device))
			return true;
	}
	return false;
}

bool rule_names_physfn(const struct decision *decision, const struct rule *rule, size_t index)
{
	const struct values *values = &rule->select[SELECT_PF];

	for (size_t i = 0; i < values->count; i++) {
		struct text place = decision->policy->values[values->first + i].text;
		struct address address;

		if (address_parse(place, &address) ?
			    address_equal(address, decision->inventory->devices[index].address) :
			    path_matches(place, decision->inventory, index))
			return true;
	}
	return false;
}

static bool may_match(struct decision *decision, const struct rule *rule, enum selector selector,
		      size_t index)
{
	switch (selector) {
	case SELECT_ADDRESS:
		return may_be_at(decision, rule, index);
	case SELECT_PATH:
		return may_be_beside(decision, rule, index);
	case SELECT_ID:
		return may_have_id(decision, rule, index);
	case SELECT_PF:
		return rule_names_physfn(decision, rule, index);
	case SELECT_CLASS:
	case SELECT_SLOT: /* the card's class, and its slot */
		return selector_matches(decision, rule, selector, index);
	case SELECT_SUBSYSTEM:
	case SELECT_BOOT_VGA:
	case SELECT_VF:
		return true;
	case SELECT_BOOT_DISPLAY:
	case SELECT_DSN:
	case SELECTORS:
		break;
	}
	return false;
}

/* False for a rule that finds no function which nobody has seen yet, whatever it will be. */
static bool may_await(const struct decision *decision, size_t index)
{
	const struct rule *rule = &decision->policy->rules[index];

	/* It is neither the boot display nor another screen, and has no number of its own. */
	if (rule->verb != VERB_BIND || rule_has(rule, SELECT_BOOT_DISPLAY) ||
	    rule_has(rule, SELECT_DSN))
		return false;
	/* A place where something stands is no virtual function's to come. */
	return !rule_names_place(rule) || decision->plan->results[index].reason == REASON_ABSENT;
}

/*
 * True if the rule may match virtual functions that the device does not have yet. What only they
 * will show, their place below the bus or in a slot, counts as a match.
 */
static bool awaits(struct decision *decision, const struct rule *rule, size_t physfn)
{
	const struct device *device = &decision->inventory->devices[physfn];

	/* One that goes to a guest itself hands its own driver on to them: linux/drivers/vfio/
	 * pci/vfio_pci_core.c:vfio_pci_bus_notifier */
	if (!class_matches(&rule->class, device->class) || device_is_bridge(device) ||
	    plan_verdict(decision->plan, physfn).kind == VERDICT_BIND)
		return false;
	for (unsigned left = rule->given; left; left &= left - 1)
		if (!may_match(decision, rule, (enum selector)__builtin_ctz(left), physfn))
			return false;
	return need_facts(decision, physfn, FACT_SRIOV) && device->total_vfs;
}

static void judge_physfn(struct decision *decision, size_t r, size_t index)
{
	const struct rule *rule = &decision->policy->rules[r];
	struct tally *tally = &decision->plan->tallies[index];
	struct rule_result *result = &decision->plan->results[r];

	if (!awaits(decision, rule, index))
		return;
	tally->awaits = true;
	result->late |= result->reason == REASON_ABSENT && rule_has(rule, SELECT_PF);
	if (!tally->vfs && rule_names_physfn(decision, rule, index))
		tally->vfs = rule->vfs;
}

void plan_virtual(struct decision *decision)
{
	const struct device *devices = decision->inventory->devices;
	size_t only = decision->only - 1;

	for (size_t r = 0; r < decision->policy->rule_count; r++) {
		if (!may_await(decision, r))
			continue;
		for (size_t i = 0; !decision->only && i < decision->inventory->count; i++)
			judge_physfn(decision, r, i);
		if (!decision->only)
			continue;
		judge_physfn(decision, r, only);
		if (devices[only].is_virtual && devices[only].physfn != NO_DEVICE)
			judge_physfn(decision, r, devices[only].physfn);
	}
}
