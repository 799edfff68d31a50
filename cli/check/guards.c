/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "guard.h"
#include "host/noiommu.h"
#include "show/explain.h"
#include "show/row_text.h"
#include "variant.h"

#include <stdio.h>
#include <string.h>

/* What follows where a rule lifts a guard. */
static const struct {
	enum reason guard;
	const char *text, *advice;
} lifted[] = {
	{ REASON_NO_IOMMU, "allow=no-iommu lets a guest write to all of the host's memory",
	  "turn the IOMMU on instead; without it vfio wants enable_unsafe_noiommu_mode=1" },
	{ REASON_BOOT_DISPLAY, "shows the boot's picture, and goes to the guest by allow=",
	  "have another way in, ssh or a serial console, before you reboot" },
	{ REASON_HOST_STORAGE, "holds the host's storage, and goes to the guest by allow=",
	  "take it out of fstab, crypttab and the command line before you reboot" },
	{ REASON_HOST_NETWORK, "carries the host's network, and goes to the guest by allow=",
	  "have another way in before you reboot" },
	{ REASON_HOST_INPUT, "holds the host's only keyboard, and goes to the guest by allow=",
	  "have another way in before you reboot" },
	{ REASON_BOUND_DISPLAY, "is taken from a display driver by allow=: that can hang a machine",
	  "try it once with rd.vfio_bind=0 at hand" },
};

static const struct rule *rule_at(const struct host *host, size_t rule)
{
	return &host->judged.policy.rules[rule];
}

static struct finding *find_device(struct findings *findings, enum severity severity, size_t index,
				   const struct rule *rule, const char *text)
{
	char device[DEVICE_TEXT_SIZE];
	struct finding *finding = finding_add(findings, severity, "guard", "%s %s (%.*s:%u)",
					      device_text(findings->host, index, device), text,
					      (int)rule->file.len, rule->file.at, rule->line);

	finding->device = index;
	finding_set_rule(finding, rule);
	return finding;
}

/* The guard's own words, and what there is to add to them. */
static void say_refusal(struct findings *findings, enum reason guard, size_t index,
			char out[SENTENCE_SIZE])
{
	const struct device *device = &findings->host->judged.inventory.devices[index];
	char uses[USES_TEXT_SIZE] = "";

	(void)snprintf(out, SENTENCE_SIZE, "%s", reason_text(guard));
	if (guard == REASON_AMBIGUOUS_DISPLAY || guard == REASON_BOOT_DISPLAY)
		(void)say_guard(findings->host, guard, index, out);
	else if (guard == REASON_HOST_STORAGE || guard == REASON_HOST_NETWORK)
		(void)uses_text(findings, index, uses);
	else if (guard == REASON_BOUND_DISPLAY || guard == REASON_IN_USE)
		(void)snprintf(uses, sizeof(uses), "%s", device->driver);
	if (uses[0])
		(void)snprintf(out, SENTENCE_SIZE, "%s: %s", reason_text(guard), uses);
}

static void find_refused(struct findings *findings, size_t index, struct verdict verdict)
{
	struct host *host = findings->host;
	const struct rule *rule = rule_at(host, verdict.rule);
	char refusal[SENTENCE_SIZE], text[SENTENCE_SIZE + 64], address[ADDRESS_SIZE];
	struct finding *finding;

	/* Said once, of the whole machine. */
	if (verdict.reason == REASON_NO_IOMMU && !iommu_is_on(&host->judged.inventory))
		return;
	say_refusal(findings, verdict.reason, index, refusal);
	(void)snprintf(text, sizeof(text), "is refused (%s): %s", reason_token(verdict.reason),
		       refusal);
	finding = find_device(findings, SEVERITY_ERROR, index, rule, text);
	finding->reason = verdict.reason;
	(void)address_format(host->judged.inventory.devices[index].address, address);
	/* The same for each of them, so that it is said once. */
	if (verdict.reason == REASON_HOST_UNKNOWN)
		(void)strcpy(address, "ADDRESS");
	finding_advise(finding, "%s; or leave it to the host by the line: keep %s",
		       guard_remedy(verdict.reason), address);
}

/* A guard that would strike, were it not for the rule's allow=. */
static void find_lifted(struct findings *findings, size_t index, struct verdict verdict)
{
	struct host *host = findings->host;
	struct rule strict = *rule_at(host, verdict.rule);
	const struct device *device = &host->judged.inventory.devices[index];
	const char *vain;

	if (!strict.allow)
		return;
	strict.allow = 0;
	for (size_t i = 0; i < ARRAY_SIZE(lifted); i++) {
		if (!guard_strikes(&host->decision, lifted[i].guard, &strict, index,
				   verdict.reason))
			continue;
		vain = lifted[i].guard != REASON_NO_IOMMU ?
			       NULL :
			       noiommu_advice(host, index,
					      rule_driver(&strict, host->judged.steps, device));
		finding_advise(find_device(findings, vain ? SEVERITY_ERROR : SEVERITY_WARNING,
					   index, &strict,
					   vain ? "will have no driver: vfio refuses what has "
						  "no IOMMU group" :
						  lifted[i].text),
			       "%s", vain ? vain : lifted[i].advice);
	}
}

static void check_verdicts(struct findings *findings)
{
	const struct plan *plan = &findings->host->judged.plan;

	for (size_t i = 0; i < plan->selected_count; i++) {
		size_t index = plan->selected[i];
		struct verdict verdict = plan_verdict(plan, index);

		if (verdict.kind == VERDICT_REFUSE)
			find_refused(findings, index, verdict);
		else if (verdict.kind == VERDICT_BIND)
			find_lifted(findings, index, verdict);
	}
}

/* Writes "; 0000:03:00.0 holds root" where the host lives on the device, else nothing. */
static void say_lives(struct findings *findings, size_t index, char *out, size_t size)
{
	const struct need *note = NULL;
	char address[ADDRESS_SIZE], uses[USES_TEXT_SIZE];

	(void)uses_text(findings, index, uses); /* it also has the notes found */
	while ((note = needs_next(&findings->notes.needs, index, note)))
		if (note->why != FOR_BOOT_DISPLAY && note->why != FOR_FRAMEBUFFER)
			break;
	if (!note)
		return;
	(void)address_format(findings->host->judged.inventory.devices[index].address, address);
	(void)snprintf(out, size, "; %s holds %s", address,
		       uses[0]                  ? uses :
		       note->why == FOR_STORAGE ? "the host's storage" :
						  "the host's network");
}

/* What to do about a group of which the host keeps a part. */
static const char *advise_group(const struct rule *rule, bool lives, bool held)
{
	if (lives)
		return "this group cannot be given: put the card into another slot, or turn ACS on "
		       "in the firmware's setup (pcie_acs_override= would part the group, and let "
		       "its devices reach each other's memory)";
	if (rule->with == WITH_GROUP)
		return "with=group leaves them with the host all the same, as the guards say: move "
		       "the card to another slot";
	return held ? "bind them too (with=group), or move the card to another slot" :
		      "leave them without one, or bind them too (with=group)";
}

/*
 * A group goes to a guest as a whole: what a host's driver holds in it keeps the guest from
 * starting (linux/Documentation/driver-api/vfio.rst).
 */
static void check_group(struct findings *findings, size_t index)
{
	const struct host *host = findings->host;
	const struct plan *plan = &host->judged.plan;
	const struct inventory *inventory = &host->judged.inventory;
	struct naming others = { 0 };
	struct finding *finding;
	char lives[USES_TEXT_SIZE + ADDRESS_SIZE + 16] = "";
	bool held = false;

	for (size_t i = 0; (i = plan_group_shared(plan, inventory, index, i)) != NO_DEVICE; i++) {
		naming_add(&others, host, i);
		held |= host->drivers[i][0] != '\0';
		if (!lives[0])
			say_lives(findings, i, lives, sizeof(lives));
	}
	if (!others.count)
		return;
	finding = finding_add(findings, held ? SEVERITY_WARNING : SEVERITY_NOTE, "group",
			      "IOMMU group %d is shared with %s, which the host keeps%s%s",
			      inventory->devices[index].group, others.text,
			      held ? ": no guest can start with any of it" :
				     ", without a driver until now",
			      lives);
	finding_advise(finding, "%s",
		       advise_group(rule_at(host, plan_verdict(plan, index).rule), lives[0], held));
	naming_give(&others, finding);
}

/* Once for each group, at the first of its devices that is bound. */
static void check_groups(struct findings *findings)
{
	const struct plan *plan = &findings->host->judged.plan;
	const struct device *devices = findings->host->judged.inventory.devices;

	for (size_t i = 0; i < plan->selected_count; i++) {
		bool first = devices[plan->selected[i]].group != GROUP_NONE;

		if (plan_verdict(plan, plan->selected[i]).kind != VERDICT_BIND)
			continue;
		for (size_t j = 0; first && j < i; j++)
			first = devices[plan->selected[j]].group !=
					devices[plan->selected[i]].group ||
				plan_verdict(plan, plan->selected[j]).kind != VERDICT_BIND;
		if (first)
			check_group(findings, plan->selected[i]);
	}
}

void check_guards(struct findings *findings)
{
	check_verdicts(findings);
	check_groups(findings);
}
