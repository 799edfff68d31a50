/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard.h"

bool need_facts(struct decision *decision, size_t index, unsigned facts)
{
	unsigned missing = facts & ~decision->inventory->devices[index].known;

	if (missing) {
		decision->wants->of[index] |= (uint16_t)missing;
		decision->wants->any = true;
	}
	return !missing;
}

bool need_machine_fact(struct decision *decision, enum fact fact)
{
	if (decision->inventory->known & fact)
		return true;
	decision->wants->machine |= fact;
	decision->wants->any = true;
	return false;
}

static void find_evidence(struct decision *decision)
{
	const struct inventory *inventory = decision->inventory;

	for (size_t i = 0; i < inventory->count; i++)
		if (device_has_base_class(&inventory->devices[i], CLASS_BASE_DISPLAY))
			(void)need_facts(decision, i, display_facts(&inventory->devices[i]));
	decision->evidence = display_evidence(inventory);
	decision->evidence_known = true;
}

enum picture decide_picture(struct decision *decision, size_t index)
{
	const struct device *device = &decision->inventory->devices[index];

	(void)need_machine_fact(decision, FACT_FRAMEBUFFER);
	if (!device->framebuffer && !device_has_base_class(device, CLASS_BASE_DISPLAY))
		return PICTURE_NO; /* spares the machine a look at all its displays */
	if (!decision->evidence_known)
		find_evidence(decision);
	return display_picture(decision->evidence, decision->inventory, index);
}

/* What a guard is asked about. */
struct question {
	struct decision *decision;
	const struct rule *rule;
	const struct device *device;
	size_t index;
	enum reason how;
};

static bool is_unreadable(const struct question *q)
{
	return q->device->unreadable != 0;
}

static bool is_bridge(const struct question *q)
{
	return device_is_bridge(q->device);
}

static bool has_virtual_functions(const struct question *q)
{
	return (q->device->known & FACT_VFS) && q->device->has_vfs;
}

static bool is_behind_vmd(const struct question *q)
{
	return q->device->below_function;
}

static bool has_no_iommu(const struct question *q)
{
	return (q->device->known & FACT_GROUP) && q->device->group == GROUP_NONE;
}

/* Takes two rules to see, so decide.c knows the answer. */
static bool has_conflict(const struct question *q)
{
	return q->decision->plan->tallies[q->index].conflict;
}

static bool is_ambiguous_display(const struct question *q)
{
	/* Always looked at: the framebuffer in what is bound on purpose has to be let go first. */
	enum picture picture = decide_picture(q->decision, q->index);

	/* The rule itself says which one. */
	if (q->how == REASON_RULE &&
	    (rule_has(q->rule, SELECT_ADDRESS) || rule_has(q->rule, SELECT_PATH) ||
	     rule_has(q->rule, SELECT_DSN) || rule_has(q->rule, SELECT_SLOT)))
		return false;
	return picture == PICTURE_UNKNOWN;
}

static bool is_boot_display(const struct question *q)
{
	return decide_picture(q->decision, q->index) == PICTURE_YES;
}

static bool is_protected(const struct question *q, enum use use)
{
	const struct inventory *inventory = q->decision->inventory;
	bool wants_dsn = false;
	bool found = protect_find(q->decision->protect, inventory, q->index, use, &wants_dsn);

	for (size_t i = 0; wants_dsn && i < inventory->count; i++)
		if (inventory->devices[i].vendor == q->device->vendor &&
		    inventory->devices[i].device == q->device->device)
			(void)need_facts(q->decision, i, FACT_DSN);
	return found;
}

bool host_wants_back(struct decision *decision, size_t index)
{
	const struct question question = {
		.decision = decision,
		.device = &decision->inventory->devices[index],
		.index = index,
	};

	if (!question.device->passthrough ||
	    plan_verdict(decision->plan, index).kind == VERDICT_BIND)
		return false;
	return decision->plan->tallies[index].keeping || is_protected(&question, USE_STORAGE) ||
	       is_protected(&question, USE_NETWORK) || is_protected(&question, USE_INPUT);
}

static bool is_host_storage(const struct question *q)
{
	return is_protected(q, USE_STORAGE);
}

static bool is_host_network(const struct question *q)
{
	return is_protected(q, USE_NETWORK);
}

static bool is_host_input(const struct question *q)
{
	return is_protected(q, USE_INPUT);
}

static bool is_host_unknown(const struct question *q)
{
	if (!q->decision->protect->unknown || !device_has_base_class(q->device, CLASS_BASE_STORAGE))
		return false;
	return q->how != REASON_RULE || !rule_names_one_device(q->decision->policy, q->rule) ||
	       !rule_has_whole_id(q->decision->policy, q->rule);
}

static bool is_held(const struct device *device)
{
	return device->driver[0] && !device->passthrough;
}

static bool is_in_use(const struct question *q)
{
	return is_held(q->device) && need_facts(q->decision, q->index, FACT_DISKS) &&
	       q->device->disk_in_use;
}

static bool is_bound_display(const struct question *q)
{
	return is_held(q->device) && (device_has_base_class(q->device, CLASS_BASE_DISPLAY) ||
				      device_has_base_class(q->device, CLASS_BASE_ACCELERATOR));
}

static bool is_last_display(const struct question *q)
{
	return q->decision->last_display && display_has_screen(q->decision->inventory, q->index);
}

static const struct {
	bool (*strikes)(const struct question *q);
	unsigned allow;
} guards[] = {
	[REASON_UNREADABLE] = { is_unreadable, 0 },
	[REASON_BRIDGE] = { is_bridge, 0 },
	[REASON_HAS_VFS] = { has_virtual_functions, 0 },
	[REASON_BEHIND_VMD] = { is_behind_vmd, 0 },
	[REASON_NO_IOMMU] = { has_no_iommu, ALLOW_NO_IOMMU },
	[REASON_DRIVER_CONFLICT] = { has_conflict, 0 },
	[REASON_AMBIGUOUS_DISPLAY] = { is_ambiguous_display, 0 },
	[REASON_BOOT_DISPLAY] = { is_boot_display, ALLOW_BOOT_DISPLAY },
	[REASON_HOST_STORAGE] = { is_host_storage, ALLOW_HOST_STORAGE },
	[REASON_HOST_NETWORK] = { is_host_network, ALLOW_HOST_NETWORK },
	[REASON_HOST_INPUT] = { is_host_input, ALLOW_HOST_INPUT },
	[REASON_HOST_UNKNOWN] = { is_host_unknown, 0 },
	[REASON_IN_USE] = { is_in_use, 0 },
	[REASON_BOUND_DISPLAY] = { is_bound_display, ALLOW_BOUND_DISPLAY },
	[REASON_LAST_DISPLAY] = { is_last_display, ALLOW_LAST_DISPLAY },
};

unsigned guard_allow(enum reason guard)
{
	return guards[guard].allow;
}

bool guard_strikes(struct decision *decision, enum reason guard, const struct rule *rule,
		   size_t index, enum reason how)
{
	const struct question question = {
		.decision = decision,
		.rule = rule,
		.device = &decision->inventory->devices[index],
		.index = index,
		.how = how,
	};

	/* Asked of every device a rule selects, so that one round fetches them all. */
	(void)need_facts(decision, index, FACT_HEADER | FACT_GROUP | FACT_VFS);
	return !(rule->allow & guards[guard].allow) && guards[guard].strikes(&question);
}

enum reason guard_first(struct decision *decision, const struct rule *rule, size_t index,
			enum reason how)
{
	for (enum reason guard = GUARD_FIRST; guard <= GUARD_LAST; guard++)
		if (guard != REASON_DRIVER_CONFLICT &&
		    guard_strikes(decision, guard, rule, index, how))
			return guard;
	return REASON_NONE;
}
