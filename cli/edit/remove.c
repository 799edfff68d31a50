/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edit_command.h"
#include "host/identity.h"
#include "host/read_host.h"
#include "host/what_if.h"
#include "match.h"

#include <stdio.h>
#include <string.h>

/* How a rule stands to the device that is to be the host's again. */
enum reach {
	REACH_OTHERS,  /* it has nothing to do with it */
	REACH_ONLY,    /* it chooses this device and no other */
	REACH_BROAD,   /* it chooses others too */
	REACH_CMDLINE, /* it stands in no file */
	REACH_VENDOR,  /* it stands in a file of a package */
};

/* A rule that goes, by its place: indexes change when one is taken away. */
struct going {
	struct text file;
	unsigned line;
};

struct leaving {
	struct going rules[POLICY_RULES_MAX];
	size_t count;
};

static struct policy *policy_of(struct editing *editing)
{
	return &editing->host->judged.policy;
}

static bool is_void(const struct editing *editing, size_t r)
{
	enum reason reason = editing->host->judged.plan.results[r].reason;

	return reason == REASON_COUNT || reason == REASON_DSN;
}

/* True too of a rule that is void now, and would choose the device once it is not. */
static bool chooses(struct editing *editing, size_t r, size_t index)
{
	struct decision *decision = &editing->host->decision;

	return is_void(editing, r) ? rule_matches(decision, &policy_of(editing)->rules[r], index) :
				     rule_selects(decision, r, index);
}

static enum reach reach_of(struct editing *editing, size_t r)
{
	const struct rule *rule = &policy_of(editing)->rules[r];

	if (rule->verb != VERB_BIND || !chooses(editing, r, editing->index))
		return REACH_OTHERS;
	for (size_t i = 0; i < editing->host->judged.inventory.count; i++)
		if (i != editing->index && chooses(editing, r, i))
			return REACH_BROAD;
	if (rule_is_vendors(rule))
		return REACH_VENDOR;
	return text_is(rule->file, CMDLINE_FILE) ? REACH_CMDLINE : REACH_ONLY;
}

/* The devices the rule chooses beside this one. */
static void say_others(struct editing *editing, size_t r, char *out, size_t size)
{
	const struct inventory *inventory = &editing->host->judged.inventory;
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < inventory->count && len + ADDRESS_SIZE + 4 < size; i++) {
		char address[ADDRESS_SIZE];

		if (i == editing->index || !chooses(editing, r, i))
			continue;
		(void)address_format(inventory->devices[i].address, address);
		len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "", address);
	}
}

/* Nothing is written: the line that keeps the device, for a person to put where it belongs. */
static int offer_keep(struct editing *editing, size_t r, const char *why, const char *others)
{
	char address[ADDRESS_SIZE], place[CHANGE_PLACE_SIZE], line[IDENTITY_SIZE];

	(void)address_format(editing->host->judged.inventory.devices[editing->index].address,
			     address);
	change_place(&policy_of(editing)->rules[r], place);
	(void)identity_format(editing->host, editing->index, line);
	json_add_string(editing->object, "rule", place);
	json_add_format(editing->object, "keep", "keep %s", line);
	editing_say(editing, "keep %s", line);
	return complain(EXIT_GUARDED, "%s %s%s: to keep %s, add this line to /" POLICY_FILE, place,
			why, others, address);
}

static int refuse_companion(struct editing *editing, struct verdict verdict)
{
	size_t leader = editing->host->judged.plan.tallies[editing->index].with;
	char address[ADDRESS_SIZE] = "";

	(void)address_format(editing->host->judged.inventory.devices[leader].address, address);
	return offer_keep(editing, verdict.rule, "brings it along with ", address);
}

static int refuse_cmdline(struct editing *editing, size_t r)
{
	const struct rule *rule = &policy_of(editing)->rules[r];
	char place[CHANGE_PLACE_SIZE];

	change_place(rule, place);
	json_add_string(editing->object, "rule", place);
	return complain(EXIT_GUARDED,
			"%s, \"%.*s\" on the kernel command line: take that away there", place,
			(int)rule->source.len, rule->source.at);
}

/* The package's next version would bring the rule back. */
static int refuse_vendors(struct editing *editing, size_t r)
{
	const struct rule *rule = &policy_of(editing)->rules[r];
	struct text rest = rule->file, name = { 0 };
	char place[CHANGE_PLACE_SIZE];

	while (text_cut(&rest, '/', &name))
		;
	change_place(rule, place);
	json_add_string(editing->object, "rule", place);
	return complain(EXIT_GUARDED,
			"%s came with a package: ln -s /dev/null /" POLICY_DIR "/%.*s switches the "
			"file off, and a file of that name there takes its place",
			place, (int)name.len, name.at);
}

/* Finds the rules that go. Returns an exit code; what cannot go stops all. */
static int find_leaving(struct editing *editing, struct leaving *leaving)
{
	struct policy *policy = policy_of(editing);
	char others[512];

	leaving->count = 0;
	for (size_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];

		switch (reach_of(editing, r)) {
		case REACH_OTHERS:
			break;
		case REACH_BROAD:
			say_others(editing, r, others, sizeof(others));
			return offer_keep(editing, r, "also chooses ", others);
		case REACH_CMDLINE:
			return refuse_cmdline(editing, r);
		case REACH_VENDOR:
			return offer_keep(editing, r, "came with a package", "");
		case REACH_ONLY:
			leaving->rules[leaving->count++] = (struct going){ rule->file, rule->line };
			break;
		}
	}
	return EXIT_AS_CONFIGURED;
}

static bool is_going(const struct leaving *leaving, const struct rule *rule)
{
	for (size_t i = 0; i < leaving->count; i++)
		if (leaving->rules[i].line == rule->line &&
		    text_equal(leaving->rules[i].file, rule->file))
			return true;
	return false;
}

/* Judges without them: another rule may bring the device along still. */
static int judge_without(struct editing *editing, const struct leaving *leaving)
{
	struct policy *policy = policy_of(editing);
	struct verdict verdict;
	int code;

	/* Their places are texts the host keeps, so they outlive the rules. */
	for (size_t r = policy->rule_count; r-- > 0;)
		if (is_going(leaving, &policy->rules[r]))
			whatif_drop(editing->host, r);
	code = host_judge(editing->host, AT_BOOT);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	verdict = plan_verdict(&editing->host->judged.plan, editing->index);
	return verdict.kind == VERDICT_BIND ? refuse_companion(editing, verdict) :
					      EXIT_AS_CONFIGURED;
}

static bool is_add_comment(struct text line)
{
	while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' '))
		line.len--;
	return line.len && line.at[0] == '#' && text_ends(line, ADD_MARK);
}

/* Takes the rules out of one file, with the comments add wrote above them. */
static int write_without(struct editing *editing, const struct leaving *leaving, struct text file)
{
	int code = change_open(&editing->change, editing->host, file);

	for (size_t i = leaving->count; code == EXIT_AS_CONFIGURED && i-- > 0;) {
		const struct going *going = &leaving->rules[i];
		struct text above;

		if (!text_equal(going->file, file))
			continue;
		change_drop(&editing->change, going->line);
		above = change_line(&editing->change, going->line - 1);
		if (is_add_comment(above))
			change_drop(&editing->change, going->line - 1);
	}
	if (code == EXIT_AS_CONFIGURED)
		code = editing_write(editing);
	change_close(&editing->change);
	return code;
}

/* One file after another; rules stand in the order of their files. */
static int write_files(struct editing *editing, const struct leaving *leaving)
{
	int code = EXIT_AS_CONFIGURED;

	for (size_t i = 0; code == EXIT_AS_CONFIGURED && i < leaving->count; i++)
		if (!i || !text_equal(leaving->rules[i].file, leaving->rules[i - 1].file))
			code = write_without(editing, leaving, leaving->rules[i].file);
	return code;
}

/* No rule of its own: it is not chosen, or goes along with another device. */
static int say_nothing_to_do(struct editing *editing, struct verdict verdict)
{
	char address[ADDRESS_SIZE];

	if (verdict.kind == VERDICT_BIND)
		return refuse_companion(editing, verdict);
	(void)address_format(editing->host->judged.inventory.devices[editing->index].address,
			     address);
	return complain(EXIT_NOT_CONFIGURED, "%s: no rule chooses it", address);
}

static int remove_rules(struct editing *editing)
{
	struct verdict verdict = plan_verdict(&editing->host->judged.plan, editing->index);
	static struct leaving leaving;
	int code = find_leaving(editing, &leaving);
	const char *driver;
	char address[ADDRESS_SIZE];

	if (code != EXIT_AS_CONFIGURED)
		return code;
	if (!leaving.count)
		return say_nothing_to_do(editing, verdict);
	code = judge_without(editing, &leaving);
	if (code == EXIT_AS_CONFIGURED)
		code = write_files(editing, &leaving);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	driver = editing->host->drivers[editing->index];
	(void)address_format(editing->host->judged.inventory.devices[editing->index].address,
			     address);
	editing_say_written(editing);
	if (!editing->dry_run && driver_is_passthrough(text_of(driver)))
		editing_say(editing,
			    "Until then %s has it; to give it back now: vfio-bind release %s",
			    driver, address);
	return code;
}

/* A rule that was named itself goes, whatever it chooses. */
static int remove_named(struct editing *editing)
{
	const struct rule *rule = &policy_of(editing)->rules[editing->rule];
	static struct leaving leaving;
	char place[CHANGE_PLACE_SIZE];
	int code;

	change_place(rule, place);
	if (text_is(rule->file, CMDLINE_FILE))
		return refuse_cmdline(editing, editing->rule);
	if (rule_is_vendors(rule))
		return refuse_vendors(editing, editing->rule);
	json_add_string(editing->object, "rule", place);
	leaving.rules[0] = (struct going){ rule->file, rule->line };
	leaving.count = 1;
	code = write_files(editing, &leaving);
	if (code == EXIT_AS_CONFIGURED)
		editing_say_written(editing);
	return code;
}

static int remove_what(struct editing *editing)
{
	return editing->rule == NO_RULE ? remove_rules(editing) : remove_named(editing);
}

int command_remove(struct options *options, int argc, char *argv[])
{
	return editing_run(options, argc, argv, EDITS_RULES, remove_what);
}
