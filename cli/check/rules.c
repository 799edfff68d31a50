/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "override_gate.h"
#include "show/explain.h"

#include <stdio.h>
#include <unistd.h>

static const struct rule *rule_at(const struct host *host, size_t rule)
{
	return &host->judged.policy.rules[rule];
}

/* What became of a rule that bound nothing, and what to do. Returns NULL where all is well. */
static const char *judge_rule(const struct host *host, size_t r, char text[SENTENCE_SIZE])
{
	const struct rule_result *result = &host->judged.plan.results[r];
	char stands[DEVICE_TEXT_SIZE], address[ADDRESS_SIZE];
	bool found = result->candidate != NO_DEVICE;

	(void)say_unmet(host, r, text);
	switch ((unsigned)result->reason) {
	case REASON_ABSENT:
		if (result->late)
			return NULL; /* as it is to be: they come after the boot's pass */
		if (result->screen_count)
			return "name one of them by path=, as vfio-bind add does";
		if (found)
			return "point the rule there: vfio-bind repair";
		return "look at vfio-bind list for what is there, or remove the rule";
	case REASON_MOVED:
		(void)address_format(
			host->judged.inventory.devices[found ? result->candidate : 0].address,
			address);
		(void)snprintf(text, SENTENCE_SIZE, "another device stands there: %s%s%s",
			       device_text(host, result->stands, stands),
			       found ? "; its own id is at " : "", found ? address : "");
		return found ? "point the rule there: vfio-bind repair" :
			       "name the device where it is now: vfio-bind list";
	case REASON_COUNT:
		(void)snprintf(text, SENTENCE_SIZE, "%u device%s, not %u as count= says",
			       result->matches, result->matches == 1 ? " matches" : "s match",
			       rule_at(host, r)->count);
		return "correct count=, or name the devices themselves";
	case REASON_DSN:
		return "name the device by path= and id=";
	case REASON_REQUIRED:
		return "see the guards above, or remove the word required";
	default:
		return NULL;
	}
}

static void check_results(struct findings *findings)
{
	struct host *host = findings->host;

	for (size_t r = 0; r < host->judged.policy.rule_count; r++) {
		enum reason reason = host->judged.plan.results[r].reason;
		bool gone = reason == REASON_ABSENT || reason == REASON_MOVED;
		const struct rule *rule = rule_at(host, r);
		char text[SENTENCE_SIZE];
		const char *advice = judge_rule(host, r, text);
		struct finding *finding;

		if (!advice)
			continue;
		finding = finding_add(findings, gone ? SEVERITY_WARNING : SEVERITY_ERROR, "rule",
				      "%.*s:%u \"%.*s\": %s", (int)rule->file.len, rule->file.at,
				      rule->line, (int)rule->source.len, rule->source.at, text);
		finding_set_rule(finding, rule);
		finding->reason = reason;
		finding_advise(finding, "%s", advice);
	}
}

/* True if the rule may take another card once the monitor is plugged into another. */
static bool follows_cable(const struct host *host, const struct rule *rule)
{
	if (rule->verb != VERB_BIND)
		return false;
	if (rule_has(rule, SELECT_BOOT_VGA))
		return true;
	return rule_has(rule, SELECT_BOOT_DISPLAY) && host->decision.evidence_known &&
	       host->decision.evidence == EVIDENCE_BOOT_VGA;
}

static void check_evidence(struct findings *findings)
{
	const struct host *host = findings->host;

	for (size_t r = 0; r < host->judged.policy.rule_count; r++) {
		const struct rule *rule = rule_at(host, r);
		struct finding *finding;

		if (!follows_cable(host, rule))
			continue;
		finding = finding_add(findings, SEVERITY_NOTE, "display",
				      "%.*s:%u goes by boot_vga, which can change with the card "
				      "the monitor is plugged into",
				      (int)rule->file.len, rule->file.at, rule->line);
		finding_set_rule(finding, rule);
		finding_advise(finding, "name the card by path= and id= if the cable may move");
	}
}

static void check_words(struct findings *findings)
{
	const struct words *words = &findings->host->judged.words;
	const struct image_model *forecast = findings->images->forecast;
	struct finding *finding;

	if (words->mode != MODE_ON) {
		finding = finding_add(findings, SEVERITY_WARNING, "off",
				      "\"%.*s\" on the kernel command line: nothing is bound%s",
				      (int)words->decided_by.len, words->decided_by.at,
				      words->unknown_value ? ", for nobody knows that value" : "");
		finding_advise(finding, forecast && !forecast->off ?
						"nothing to do: the next boot is without it" :
						"remove it from the kernel command line");
	}
	if (words->unknown_word.len) {
		finding = finding_add(findings, SEVERITY_WARNING, "cmdline",
				      "nobody knows \"%.*s\" on the kernel command line",
				      (int)words->unknown_word.len, words->unknown_word.at);
		finding_advise(finding, "see vfio-bind(8) for the words there are");
	}
	if (words->ignored.len) {
		finding = finding_add(findings, SEVERITY_WARNING, "cmdline",
				      "\"%.*s\" on the kernel command line is ignored",
				      (int)words->ignored.len, words->ignored.at);
		finding_advise(finding,
			       "say \"accept cmdline\" in the policy, or write the rule there");
	}
}

static const char *advise_unknown(const struct host *host)
{
	if (host->from_file)
		return "dump the machine anew, as root";
	if (geteuid())
		return "run check as root";
	return "on this host a rule for storage has to have id= and an address, path or dsn; "
	       "elsewhere check the running host";
}

static void check_protect(struct findings *findings)
{
	struct finding *finding;

	if (!findings->host->judged.protect.unknown)
		return;
	finding = finding_add(findings, SEVERITY_UNKNOWN, "host",
			      "what storage, network and keyboard the host lives on cannot all be "
			      "told%s",
			      findings->host->from_file ? " from the machine file" : " from here");
	finding_advise(finding, "%s", advise_unknown(findings->host));
}

/* Not told of a variant: that it allows it is what it is made for. */
static void check_override(struct findings *findings)
{
	struct host *host = findings->host;
	char word[OVERRIDE_GATE_SIZE];

	if (host->from_file || !override_gate(&host->judged.machine, word))
		return;
	for (size_t r = 0; r < host->judged.policy.rule_count; r++) {
		const struct rule *rule = rule_at(host, r);
		struct finding *finding;

		if (!text_is(rule->driver, "pci-stub"))
			continue;
		finding = finding_add(findings, SEVERITY_WARNING, "driver",
				      "%.*s:%u: this " OVERRIDE_GATED ", and pci-stub may not",
				      (int)rule->file.len, rule->file.at, rule->line);
		finding_set_rule(finding, rule);
		finding_advise(finding,
			       "add %s to the kernel command line, or name driver=vfio-pci", word);
	}
}

void check_rules(struct findings *findings)
{
	check_results(findings);
	check_evidence(findings);
	check_words(findings);
	check_override(findings);
	check_protect(findings);
}
