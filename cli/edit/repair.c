/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-bind repair: rules whose device stands elsewhere now, as buses are numbered anew by another
 * card or firmware. Only where one function alone can be meant.
 */
#include "edit_command.h"
#include "guard.h"
#include "host/read_host.h"
#include "match.h"
#include "path.h"

#include <stdio.h>
#include <string.h>

struct repair {
	size_t rule;
	char line[POLICY_LINE_MAX + 1];
};

static struct repair repairs[POLICY_RULES_MAX];

static const struct rule *rule_of(const struct editing *editing, size_t r)
{
	return &editing->host->judged.policy.rules[r];
}

/* True if the rule names a place, and what it is about is not there. */
static bool is_lost(const struct editing *editing, size_t r)
{
	const struct rule *rule = rule_of(editing, r);

	return rule_names_place(rule) && !editing->host->judged.plan.results[r].matches &&
	       !rule_is_void(&editing->host->judged.plan, r);
}

/* The word that gives the address, or what follows "address=": the rule has one. */
static struct text find_address(const struct rule *rule)
{
	struct text rest = rule->source, word;
	struct address address;

	while (text_cut(&rest, ' ', &word)) {
		struct text pair = word, key;

		if (text_cut(&pair, '=', &key) && pair.at && text_is(key, "address"))
			word = pair;
		while (word.len && strchr("\t\r\"", word.at[word.len - 1]))
			word.len--;
		while (word.len && strchr("\t\"", *word.at)) {
			word.at++;
			word.len--;
		}
		if (address_parse(word, &address))
			return word;
	}
	return (struct text){ 0 };
}

/* Writes the rule's line with the device's place in it as it is now. False if no path leads there. */
static bool rewrite(const struct editing *editing, size_t r, size_t device,
		    char out[POLICY_LINE_MAX + 1])
{
	const struct inventory *inventory = &editing->host->judged.inventory;
	const struct rule *rule = rule_of(editing, r);
	bool by_path = rule_has(rule, SELECT_PATH);
	char place[PATH_SIZE];
	struct text old;
	int head;

	if (by_path && rule_has(rule, SELECT_ADDRESS))
		return false; /* both would have to agree */
	if (by_path) {
		old = editing->host->judged.policy.values[rule->select[SELECT_PATH].first].text;
		(void)path_format(inventory, device, place);
		if (path_find(text_of(place), inventory) != device)
			return false;
	} else {
		old = find_address(rule);
		(void)address_format(inventory->devices[device].address, place);
	}
	if (!old.at || rule->source.len + strlen(place) > POLICY_LINE_MAX)
		return false;
	head = (int)(old.at - rule->source.at);
	(void)snprintf(out, POLICY_LINE_MAX + 1, "%.*s%s%.*s", head, rule->source.at, place,
		       (int)(rule->source.len - (size_t)head - old.len), old.at + old.len);
	return true;
}

/* Another rule that has the device already, or may mean it just as well. */
static size_t find_other(struct editing *editing, size_t r, size_t device)
{
	const struct rule_result *results = editing->host->judged.plan.results;

	for (size_t i = 0; i < editing->host->judged.policy.rule_count; i++)
		if (i != r && rule_of(editing, i)->verb == rule_of(editing, r)->verb &&
		    rule_names_place(rule_of(editing, i)) &&
		    (rule_matches(&editing->host->decision, rule_of(editing, i), device) ||
		     (is_lost(editing, i) && results[i].candidate == device)))
			return i;
	return NO_RULE;
}

/* Notes why a rule stays as it is. */
static void tell(struct editing *editing, size_t r, const char *why)
{
	char place[CHANGE_PLACE_SIZE];

	change_place(rule_of(editing, r), place);
	editing_note(editing, "%s is left as it is: %s", place, why);
}

/* Notes what keeps the rule from being repaired. Returns true if nothing does. */
static bool may_repair(struct editing *editing, size_t r, size_t device)
{
	struct decision *decision = &editing->host->decision;
	const struct rule *rule = rule_of(editing, r);
	char place[CHANGE_PLACE_SIZE], address[ADDRESS_SIZE], why[CHANGE_PLACE_SIZE + 128];
	enum reason guard;
	size_t other;

	if (!rule_has_whole_id(&editing->host->judged.policy, rule)) {
		tell(editing, r, "without a whole id= nobody knows which device it means");
		return false;
	}
	if (device == NO_DEVICE) {
		tell(editing, r,
		     "not exactly one function has its id; name the device by hand, "
		     "or remove the rule");
		return false;
	}
	(void)address_format(editing->host->judged.inventory.devices[device].address, address);
	other = find_other(editing, r, device);
	guard = rule->verb == VERB_BIND ? guard_first(decision, rule, device, REASON_RULE) :
					  REASON_NONE;
	if (other != NO_RULE) {
		change_place(rule_of(editing, other), place);
		(void)snprintf(why, sizeof(why), "%s, which has its id, is that of %s", address,
			       place);
	} else if (guard != REASON_NONE) {
		(void)snprintf(why, sizeof(why), "%s, which has its id, would be refused (%s)",
			       address, reason_token(guard));
	} else if (rule_is_vendors(rule)) {
		(void)snprintf(why, sizeof(why),
			       "its device is at %s now, but the file came with a package: put one "
			       "of its name into /" POLICY_DIR,
			       address);
	} else if (text_is(rule->file, CMDLINE_FILE)) {
		(void)snprintf(why, sizeof(why), "its device is at %s now: change it there",
			       address);
	} else {
		return true;
	}
	tell(editing, r, why);
	return false;
}

/* Finds what can be repaired; returns how many rules that are. */
static size_t find_repairs(struct editing *editing, size_t *lost)
{
	size_t count = 0;

	*lost = 0;
	for (size_t r = 0; r < editing->host->judged.policy.rule_count; r++) {
		size_t device = editing->host->judged.plan.results[r].candidate;

		if (!is_lost(editing, r))
			continue;
		++*lost;
		if (!may_repair(editing, r, device))
			continue;
		if (rewrite(editing, r, device, repairs[count].line))
			repairs[count++].rule = r;
		else
			tell(editing, r, "no one word in it is its place");
	}
	return count;
}

/* Writes those of one file, from the last to the first. */
static int write_file(struct editing *editing, size_t first, size_t end)
{
	int code = change_open(&editing->change, editing->host,
			       rule_of(editing, repairs[first].rule)->file);

	for (size_t i = end; code == EXIT_AS_CONFIGURED && i-- > first;)
		change_replace(&editing->change, rule_of(editing, repairs[i].rule)->line,
			       text_of(repairs[i].line));
	if (code == EXIT_AS_CONFIGURED)
		code = editing_write(editing);
	change_close(&editing->change);
	return code;
}

static int repair_rules(struct editing *editing)
{
	int code = EXIT_AS_CONFIGURED;
	size_t lost, count = find_repairs(editing, &lost), end;

	if (!lost)
		editing_say(editing, "every rule that names a place finds its device there");
	for (size_t i = 0; code == EXIT_AS_CONFIGURED && i < count; i = end) {
		struct text file = rule_of(editing, repairs[i].rule)->file;

		for (end = i + 1; end < count; end++)
			if (!text_equal(rule_of(editing, repairs[end].rule)->file, file))
				break;
		code = write_file(editing, i, end);
	}
	if (code == EXIT_AS_CONFIGURED && count)
		editing_say_written(editing);
	return code == EXIT_AS_CONFIGURED && count < lost ? EXIT_GUARDED : code;
}

int command_repair(struct options *options, int argc, char *argv[])
{
	return editing_run(options, argc, argv, EDITS_ALL, repair_rules);
}
