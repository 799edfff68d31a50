/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decide.h"

#include "format.h"
#include "guard.h"
#include "match.h"
#include "modplan.h"
#include "variant.h"
#include "virtual.h"

#include <string.h>

static const struct rule *rule_at(const struct decision *decision, size_t rule)
{
	return &decision->policy->rules[rule];
}

/* The rule says with=companions: of the display's own maker, and of these kinds. */
static bool is_companion_class(const struct device *device)
{
	switch (device_class16(device)) {
	case CLASS_AUDIO_HDA:
	case CLASS_SERIAL_OTHER:
		return true;
	case CLASS_SERIAL_USB:
		return device->class != CLASS_USB4;
	default:
		return false;
	}
}

/*
 * The upstream port of a switch on the display's own card (Intel Arc puts the audio function
 * behind a second downstream port), or NO_DEVICE.
 */
static size_t card_switch(const struct inventory *inventory, const struct device *display)
{
	const struct device *devices = inventory->devices;
	size_t port = display->above, upstream;

	if (port == NO_DEVICE || devices[port].vendor != display->vendor)
		return NO_DEVICE;
	upstream = devices[port].above;
	if (upstream == NO_DEVICE || devices[upstream].vendor != display->vendor)
		return NO_DEVICE;
	return upstream;
}

static bool is_companion(const struct inventory *inventory, size_t index, size_t display)
{
	const struct device *device = &inventory->devices[index];
	const struct device *leader = &inventory->devices[display];
	size_t upstream;

	if (!device_has_base_class(leader, CLASS_BASE_DISPLAY))
		return false;
	if (device->unreadable &
	    FACT_IDENTITY) /* it may be one: then it is told that it is missing */
		return address_same_slot(device->address, leader->address);
	if (device->vendor != leader->vendor)
		return false;
	if (address_same_slot(device->address, leader->address))
		return is_companion_class(device);
	if (device_class16(device) != CLASS_AUDIO_HDA)
		return false;
	upstream = card_switch(inventory, leader);
	return upstream != NO_DEVICE && inventory_is_below(inventory, index, upstream);
}

bool goes_along(struct decision *decision, size_t rule, size_t index, size_t leader)
{
	const struct inventory *inventory = decision->inventory;
	const struct device *device = &inventory->devices[index];
	const struct device *by = &inventory->devices[leader];

	if (index == leader)
		return false;
	switch (rule_at(decision, rule)->with) {
	case WITH_NONE:
		return false;
	case WITH_COMPANIONS:
		return is_companion(inventory, index, leader);
	case WITH_FUNCTIONS:
		return address_same_slot(device->address, by->address);
	case WITH_GROUP:
		return need_facts(decision, leader, FACT_GROUP) && by->group != GROUP_NONE &&
		       (device->known & FACT_GROUP) && device->group == by->group &&
		       !device_is_bridge(device);
	}
	return false;
}

/* However it is spelled: vfio_pci is vfio-pci, and auto is what this device gets by it. */
static bool same_driver(const struct decision *decision, size_t a, size_t b, size_t device)
{
	const struct device *of = &decision->inventory->devices[device];

	return module_name_equal(rule_driver(rule_at(decision, a), decision->steps, of),
				 rule_driver(rule_at(decision, b), decision->steps, of));
}

/*
 * Notes that the rule selects the device, by itself or along with another, and whether it
 * lets it through. Rules come in any order; the first in the policy is the one named.
 */
static bool fold(struct decision *decision, size_t index, size_t device, enum reason how,
		 size_t with)
{
	struct tally *tally = &decision->plan->tallies[device];
	uint16_t number = (uint16_t)(index + 1);
	enum reason guard;

	tally->selected = true;
	if (tally->keeping)
		return false;
	guard = guard_first(decision, rule_at(decision, index), device, how);
	if (guard != REASON_NONE) {
		if (!tally->refusing || number < tally->refusing) {
			tally->refusing = number;
			tally->refusal = (uint8_t)guard;
		}
		return false;
	}
	if (tally->letting && !same_driver(decision, index, tally->letting - 1u, device))
		tally->conflict = true;
	if (!tally->letting || number < tally->letting ||
	    (number == tally->letting && how == REASON_RULE)) {
		tally->letting = number;
		tally->how = (uint8_t)how;
		tally->with = (uint16_t)with;
	}
	return true;
}

static void fold_companion(struct decision *decision, size_t rule, size_t index, size_t leader)
{
	if (goes_along(decision, rule, index, leader))
		(void)fold(decision, rule, index, REASON_COMPANION, leader);
}

/* What may be elsewhere than in the leader's slot: all of the group, and an Intel Arc's audio. */
static bool looks_beyond_slot(const struct decision *decision, enum with with, size_t leader)
{
	const struct device *device = &decision->inventory->devices[leader];

	return with == WITH_GROUP ||
	       (with == WITH_COMPANIONS && device_has_base_class(device, CLASS_BASE_DISPLAY) &&
		card_switch(decision->inventory, device) != NO_DEVICE);
}

static void fold_companions(struct decision *decision, size_t rule, size_t leader)
{
	const struct device *devices = decision->inventory->devices;
	size_t count = decision->inventory->count, i = leader;

	if (looks_beyond_slot(decision, rule_at(decision, rule)->with, leader)) {
		for (i = 0; i < count; i++)
			fold_companion(decision, rule, i, leader);
		return;
	}
	/* Functions of one slot stand together. */
	while (i && address_same_slot(devices[i - 1].address, devices[leader].address))
		i--;
	for (; i < count && address_same_slot(devices[i].address, devices[leader].address); i++)
		fold_companion(decision, rule, i, leader);
}

/* True if the serial number by which the rule matches this device is in another slot too. */
static bool dsn_repeats(struct decision *decision, const struct rule *rule, size_t index)
{
	const struct device *devices = decision->inventory->devices;

	for (size_t i = 0; i < index; i++)
		if ((devices[i].known & FACT_DSN) && devices[i].dsn == devices[index].dsn &&
		    !address_same_slot(devices[i].address, devices[index].address) &&
		    rule_matches(decision, rule, i))
			return true;
	return false;
}

/* Finds a rule void where not as many devices match as it says, or a serial number repeats. */
static void judge_counts(struct decision *decision, size_t index)
{
	struct rule_result *result = &decision->plan->results[index];
	const struct rule *rule = rule_at(decision, index);
	bool repeats = false, unreadable = false;

	*result = (struct rule_result){ .stands = NO_DEVICE, .candidate = NO_DEVICE };
	/* A keep rule keeps both cards rather than neither; the rest is spared the walk. */
	if (rule->verb == VERB_KEEP || (!rule->count && !rule_has(rule, SELECT_DSN)))
		return;
	for (size_t i = 0; i < decision->inventory->count; i++) {
		if (!rule_matches(decision, rule, i))
			continue;
		result->matches++;
		repeats |= rule_has(rule, SELECT_DSN) && dsn_repeats(decision, rule, i);
		(void)need_facts(decision, i, FACT_HEADER);
		unreadable |= decision->inventory->devices[i].unreadable != 0;
	}
	if (rule->count && (result->matches != rule->count || unreadable))
		result->reason = REASON_COUNT;
	else if (repeats)
		result->reason = REASON_DSN;
}

bool rule_is_void(const struct plan *plan, size_t index)
{
	return plan->results[index].reason == REASON_COUNT ||
	       plan->results[index].reason == REASON_DSN;
}

static void fold_rule(struct decision *decision, size_t index)
{
	const struct rule *rule = rule_at(decision, index);
	uint32_t ordinal = 0;

	if (rule_is_void(decision->plan, index))
		return;
	for (size_t i = 0; i < decision->inventory->count; i++) {
		if (!rule_matches(decision, rule, i))
			continue;
		decision->plan->results[index].matches = ++ordinal;
		if (rule->nth && ordinal != rule->nth)
			continue;
		/* What a conflict keeps with the host brings nothing along. */
		if (fold(decision, index, i, REASON_RULE, NO_DEVICE) &&
		    !(decision->drop_conflicts && decision->plan->tallies[i].conflict))
			fold_companions(decision, index, i);
	}
}

/* Keep rules first: what one matches is never judged, and brings nothing along. */
static void fold_keeps(struct decision *decision)
{
	for (size_t r = 0; r < decision->policy->rule_count; r++) {
		const struct rule *rule = rule_at(decision, r);

		if (rule->verb != VERB_KEEP)
			continue;
		for (size_t i = 0; i < decision->inventory->count; i++) {
			if (!rule_matches(decision, rule, i))
				continue;
			decision->plan->results[r].matches++;
			if (!decision->plan->tallies[i].keeping)
				decision->plan->tallies[i].keeping = (uint16_t)(r + 1);
		}
	}
}

static void fold_all(struct decision *decision, bool keep_conflicts)
{
	struct plan *plan = decision->plan;

	decision->drop_conflicts = keep_conflicts;
	if (!keep_conflicts)
		memset(plan->tallies, 0, decision->inventory->count * sizeof(*plan->tallies));
	/* What is in conflict stays so when what brought it drops out, and names the same rule. */
	for (size_t i = 0; keep_conflicts && i < decision->inventory->count; i++) {
		const struct tally was = plan->tallies[i];

		plan->tallies[i] = (struct tally){
			.conflict = was.conflict,
			.letting = was.conflict ? was.letting : 0,
		};
	}
	for (size_t r = 0; r < decision->policy->rule_count; r++)
		if (!rule_is_void(plan, r))
			plan->results[r].matches = 0;
	fold_keeps(decision);
	for (size_t r = 0; r < decision->policy->rule_count; r++)
		if (rule_at(decision, r)->verb == VERB_BIND)
			fold_rule(decision, r);
}

static void list_selected(struct decision *decision)
{
	struct plan *plan = decision->plan;

	plan->selected_count = 0;
	for (size_t i = 0; i < decision->inventory->count; i++)
		if (plan->tallies[i].selected)
			plan->selected[plan->selected_count++] = (uint16_t)i;
}

static void resolve(struct decision *decision)
{
	const struct plan *plan = decision->plan;
	bool conflict = false;

	fold_all(decision, false);
	list_selected(decision);
	for (size_t i = 0; i < plan->selected_count; i++)
		conflict |= plan->tallies[plan->selected[i]].conflict;
	if (!conflict)
		return;
	fold_all(decision, true);
	list_selected(decision);
}

static bool takes_screen(const struct decision *decision)
{
	const struct plan *plan = decision->plan;

	for (size_t i = 0; i < plan->selected_count; i++)
		if (display_has_screen(decision->inventory, plan->selected[i]) &&
		    plan_verdict(plan, plan->selected[i]).kind == VERDICT_BIND)
			return true;
	return false;
}

/* True if a head of the card that the device is of goes to a guest. */
static bool card_is_taken(const struct decision *decision, size_t index)
{
	const struct device *devices = decision->inventory->devices;

	for (size_t i = display_head(decision->inventory, index, 0); i != NO_DEVICE;
	     i = display_head(decision->inventory, index, i + 1))
		if (devices[i].passthrough || plan_verdict(decision->plan, i).kind == VERDICT_BIND)
			return true;
	return false;
}

bool screen_is_left(const struct decision *decision, size_t index)
{
	const struct device *device = &decision->inventory->devices[index];

	return device_is_screen(device) && !device->unreadable && !card_is_taken(decision, index);
}

/* True if the plan takes a screen and leaves the host none it could use. */
static bool takes_last_screen(const struct decision *decision)
{
	if (!takes_screen(decision))
		return false;
	for (size_t i = 0; i < decision->inventory->count; i++)
		if (screen_is_left(decision, i))
			return false;
	return true;
}

/* A required rule has to bind a device itself; that a companion went along is not enough. */
static bool binds_any(struct decision *decision, size_t index)
{
	const struct plan *plan = decision->plan;

	for (size_t i = 0; i < plan->selected_count; i++) {
		size_t device = plan->selected[i];

		if (plan_verdict(plan, device).kind == VERDICT_BIND &&
		    rule_selects(decision, index, device) &&
		    guard_first(decision, rule_at(decision, index), device, REASON_RULE) ==
			    REASON_NONE)
			return true;
	}
	return false;
}

/* Notes the screens that the rule would match if it were known which one is the boot display. */
static void find_screens(struct decision *decision, const struct rule *rule,
			 struct rule_result *result)
{
	if (!rule_has(rule, SELECT_BOOT_DISPLAY))
		return;
	for (size_t i = 0; i < decision->inventory->count; i++)
		if (result->screen_count < RULE_SCREENS_MAX &&
		    device_has_base_class(&decision->inventory->devices[i], CLASS_BASE_DISPLAY) &&
		    rule_matches_but(decision, rule, i, 1u << SELECT_BOOT_DISPLAY) &&
		    decide_picture(decision, i) == PICTURE_UNKNOWN)
			result->screens[result->screen_count++] = (uint16_t)i;
}

static void judge_rule(struct decision *decision, size_t index)
{
	struct rule_result *result = &decision->plan->results[index];
	const struct rule *rule = rule_at(decision, index);

	if (result->reason == REASON_NONE && !result->matches) {
		result->reason = REASON_ABSENT;
		if (rule_names_place(rule))
			result->stands = (uint16_t)rule_place(decision, rule);
		if (result->stands != NO_DEVICE)
			result->reason = REASON_MOVED;
		result->candidate = (uint16_t)rule_candidate(decision, rule);
		find_screens(decision, rule, result);
	}
	if (rule->required && !rule_is_void(decision->plan, index) && !binds_any(decision, index))
		result->reason = REASON_REQUIRED;
}

static size_t put_address(const struct decision *decision, size_t index, char *out, size_t size)
{
	char address[ADDRESS_SIZE];

	(void)address_format(decision->inventory->devices[index].address, address);
	return format(out, size, "%s", address);
}

size_t rule_detail(const struct decision *decision, size_t rule, char out[RULE_DETAIL_SIZE])
{
	const struct rule_result *result = &decision->plan->results[rule];
	const struct device *devices = decision->inventory->devices;
	const size_t size = RULE_DETAIL_SIZE;
	size_t len = 0;

	out[0] = '\0';
	if (result->reason == REASON_COUNT)
		return format(out, size, "%u match, not %u", result->matches,
			      rule_at(decision, rule)->count);
	if (result->stands != NO_DEVICE)
		len = format(out, size, "now %04x:%04x", devices[result->stands].vendor,
			     devices[result->stands].device);
	if (result->candidate != NO_DEVICE) {
		len += format(out + len, size - len, "%sits id is at ", len ? ", " : "");
		len += put_address(decision, result->candidate, out + len, size - len);
	}
	for (size_t i = 0; i < result->screen_count; i++) {
		len += format(out + len, size - len, "%s", i ? ", " : "may be the boot display: ");
		len += put_address(decision, result->screens[i], out + len, size - len);
	}
	if (result->screen_count)
		len += format(out + len, size - len, "; name one by path");
	if (result->late)
		len += format(out + len, size - len, "late: virtual functions that are to come");
	return len;
}

bool rule_selects(struct decision *decision, size_t index, size_t device)
{
	const struct rule *rule = rule_at(decision, index);
	uint32_t ordinal = 0;

	if (rule_is_void(decision->plan, index) || !rule_matches(decision, rule, device))
		return false;
	for (size_t i = 0; rule->nth && i <= device; i++)
		ordinal += rule_matches(decision, rule, i);
	return ordinal == rule->nth;
}

/* Whether the pass for a device that has come late has to do with another one as well. */
static bool goes_with_late(const struct decision *decision, size_t index)
{
	const struct tally *tally = &decision->plan->tallies[index];
	const struct device *devices = decision->inventory->devices;
	const struct device *device = &devices[index], *late = &devices[decision->only - 1];

	if (plan_verdict(decision->plan, index).kind != VERDICT_BIND)
		return false;
	if (tally->how == REASON_COMPANION && tally->with == decision->only - 1)
		return true;
	/* One that came just before and waits for its own pass. */
	return late->is_virtual && late->physfn != NO_DEVICE && device->is_virtual &&
	       device->physfn == late->physfn && !device->passthrough;
}

bool decide(struct decision *decision)
{
	struct plan *plan = decision->plan;
	struct wants *wants = decision->wants;

	memset(wants->of, 0, decision->inventory->count * sizeof(*wants->of));
	wants->machine = 0;
	wants->any = decision->evidence_known = decision->last_display = false;
	for (size_t r = 0; r < decision->policy->rule_count; r++)
		judge_counts(decision, r);
	resolve(decision);
	decision->last_display = takes_last_screen(decision);
	if (decision->last_display)
		resolve(decision);
	for (size_t r = 0; r < decision->policy->rule_count; r++)
		judge_rule(decision, r);
	plan_virtual(decision);
	if (decision->only) { /* the list keeps what the pass for one late device is about */
		size_t all = plan->selected_count;

		(void)need_facts(decision, decision->only - 1, FACT_PHYSFN);
		plan->selected_count = 0;
		for (size_t i = 0; i < all; i++)
			if (plan->selected[i] == decision->only - 1 ||
			    goes_with_late(decision, plan->selected[i]))
				plan->selected[plan->selected_count++] = plan->selected[i];
	}
	for (size_t i = 0; i < decision->inventory->count; i++)
		if (decision->inventory->devices[i].passthrough)
			plan->tallies[i].back = host_wants_back(decision, i);
	return !wants->any;
}
