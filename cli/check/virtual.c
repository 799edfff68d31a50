/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtual.h"
#include "base/names.h"
#include "check.h"
#include "facts.h"
#include "show/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* What a rule says of the virtual functions of one physical function. */
struct about {
	struct findings *findings;
	const struct rule *rule;
	size_t index; /* of the physical function */
	char text[DEVICE_TEXT_SIZE];
};

static const struct device *physfn_of(const struct about *about)
{
	return &about->findings->host->judged.inventory.devices[about->index];
}

__attribute__((format(printf, 3, 4))) static void add(struct about *about, const char *advice,
						      const char *how, ...)
{
	char text[SENTENCE_SIZE];
	struct finding *finding;
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(text, sizeof(text), how, arguments);
	va_end(arguments);
	finding = finding_add(about->findings, SEVERITY_WARNING, "rule", "%.*s:%u \"%.*s\": %s",
			      (int)about->rule->file.len, about->rule->file.at, about->rule->line,
			      (int)about->rule->source.len, about->rule->source.at, text);
	finding_set_rule(finding, about->rule);
	finding_advise(finding, "%s", advice);
}

/* The highest index that vf= names, or -1. */
static int last_index(const struct host *host, const struct rule *rule)
{
	const struct values *values = &rule->select[SELECT_VF];
	int last = -1;

	for (size_t i = 0; i < values->count; i++) {
		int end = host->judged.policy.values[values->first + i].range.last;

		last = end > last ? end : last;
	}
	return last;
}

static void check_physfn(struct about *about)
{
	const struct host *host = about->findings->host;
	const struct device *device = physfn_of(about);
	unsigned vfs = host->judged.plan.tallies[about->index].vfs;
	int last = last_index(host, about->rule);

	(void)device_text(host, about->index, about->text);
	if (plan_verdict(&host->judged.plan, about->index).kind == VERDICT_BIND)
		add(about, "keep the physical function with the host, or remove this rule",
		    "%s goes to a guest itself, and nobody makes virtual functions then",
		    about->text);
	else if (!device->total_vfs)
		add(about, "look for SR-IOV in the firmware's setup and in the card's manual",
		    "%s can have no virtual functions", about->text);
	else if (about->rule->vfs > device->total_vfs)
		add(about, "lower vfs=", "%s can have %u virtual functions, not %u", about->text,
		    device->total_vfs, about->rule->vfs);
	else if (last >= device->total_vfs)
		add(about, "the first is vf=0", "%s can have %u virtual functions, no vf=%d",
		    about->text, device->total_vfs, last);
	else if (about->rule->vfs && about->rule->vfs != vfs)
		add(about, "say vfs= in one rule",
		    "an earlier rule makes %u virtual functions of %s", vfs, about->text);
}

/* Which function a pf= names is read of all of them: there are few such rules. */
static int read_sriov(struct host *host)
{
	return host->from_file ? 0 :
				 facts_read_all(&host->judged.machine, &host->judged.inventory,
						FACT_SRIOV, &host->judged.claims);
}

void check_virtual(struct findings *findings)
{
	struct host *host = findings->host;
	bool read = false;

	for (size_t r = 0; r < host->judged.policy.rule_count; r++) {
		struct about about = { .findings = findings,
				       .rule = &host->judged.policy.rules[r] };

		if (about.rule->verb != VERB_BIND || !rule_has(about.rule, SELECT_PF))
			continue;
		if (!read && read_sriov(host)) {
			(void)finding_unreadable(findings, "rule", host->judged.machine.failed,
						 -EIO);
			return;
		}
		read = true;
		for (about.index = 0; about.index < host->judged.inventory.count; about.index++)
			if (rule_names_physfn(&host->decision, about.rule, about.index))
				check_physfn(&about);
	}
}
