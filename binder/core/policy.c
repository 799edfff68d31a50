/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include "option.h"
#include "value.h"

#include <string.h>

#define LIMIT_RULES "at most 256 rules"
_Static_assert(POLICY_RULES_MAX == 256, "LIMIT_RULES names it");

static bool add_value(struct line *line, struct rule *rule, enum selector selector,
		      union value value)
{
	struct values *values = &rule->select[selector];
	struct policy *policy = line->policy;

	if (policy->value_count == ARRAY_SIZE(policy->values))
		return expected(line, line->at, "fewer values");
	if (!values->count)
		values->first = (uint16_t)policy->value_count;
	policy->values[policy->value_count++] = value;
	values->count++;
	rule->given |= 1u << selector;
	return true;
}

static bool parse_list(struct line *line, struct rule *rule, enum selector selector,
		       const struct word *word)
{
	struct text rest = word->value, item;
	union value value;
	bool ok = true;

	if (rule_has(rule, selector))
		return expected(line, word->at, "each selector once");
	rule->given |= 1u << selector; /* also where its value is a mistake */
	/* A slot's name may hold a comma: in quotes it is one name. */
	while (text_cut(&rest, selector == SELECT_SLOT && word->quoted ? '"' : ',', &item)) {
		memset(&value, 0, sizeof(value));
		if (value_parse(selector, item, &value))
			ok &= add_value(line, rule, selector, value);
		else
			ok = expected(line, item.at, selector_expected(selector));
	}
	return ok;
}

/* The selector a word is for, or SELECTORS. A bare word is a class name or an address. */
static enum selector find_selector(const struct word *word)
{
	struct text rest = word->value, first;
	union value value;

	if (word->key.at) {
		enum selector selector = 0;

		while (selector < SELECTORS && !text_is(word->key, selector_key(selector)))
			selector++;
		return selector;
	}
	(void)text_cut(&rest, ',', &first);
	if (value_parse_class_name(first, &value))
		return SELECT_CLASS;
	if (first.len && memchr(first.at, ':', first.len))
		return SELECT_ADDRESS;
	return SELECTORS;
}

/* Reads one word of a rule; given has a bit for each option that was there before. */
static bool parse_word(struct line *line, struct rule *rule, unsigned *given)
{
	enum selector selector;
	const struct rule_option *option;
	struct word word;
	unsigned bit;

	if (!take_word(line, &word))
		return false;
	selector = find_selector(&word);
	if (selector == SELECT_VF)
		line->vf = word.at;
	if (selector != SELECTORS)
		return parse_list(line, rule, selector, &word);
	option = find_option(&word, &bit);
	if (!option)
		return expected(
			line, word.at,
			"a selector (a class name, an address, id=, subsystem=, class=, "
			"path=, boot_vga=, boot_display=, pf=, vf=, slot=, dsn=) or an "
			"option (with=, count=, nth=, vfs=, driver=, d3cold=, reset=, allow=, "
			"required)");
	if (rule->verb == VERB_KEEP)
		return expected(line, word.at, "no option behind keep");
	if (*given & bit)
		return expected(line, word.at, "each option once");
	*given |= bit;
	return option->parse(line, rule, &word);
}

bool rule_names_one_device(const struct policy *policy, const struct rule *rule)
{
	const struct values *address = &rule->select[SELECT_ADDRESS];

	return (address->count == 1 && !policy->values[address->first].address.any_function) ||
	       rule->select[SELECT_PATH].count == 1 || rule->select[SELECT_DSN].count == 1;
}

bool rule_has_whole_id(const struct policy *policy, const struct rule *rule)
{
	const struct values *ids = &rule->select[SELECT_ID];
	const struct id_pattern *id = &policy->values[ids->first].id;

	return ids->count == 1 && !id->any_vendor && !id->any_device;
}

/* What can be said of a rule only when all of it was read. */
static bool check_rule(struct line *line, const struct rule *rule, const char *rule_end)
{
	bool ok = true;

	if (!rule->given)
		ok = expected(line, rule_end, "a selector");
	if (rule->nth && !rule->count)
		ok = expected(line, line->nth, "count=N beside nth=K");
	else if (rule->nth > rule->count)
		ok = expected(line, line->nth, "nth=K, a number from 1 to count");
	if (line->vf && !rule_has(rule, SELECT_PF))
		ok = expected(line, line->vf, "pf= beside vf=");
	if (line->vfs && !rule_has(rule, SELECT_PF))
		ok = expected(line, line->vfs, "pf= beside vfs=");
	if (line->host_allow && line->of_cmdline)
		ok = expected(line, line->host_allow, "allow=host-... in a file only");
	else if (line->host_allow && !rule_names_one_device(line->policy, rule))
		ok = expected(line, line->host_allow,
			      "allow=host-... only where address=, path= or dsn= names one device");
	return ok;
}

static bool add_rule(struct line *line, const char *at, const struct rule *rule)
{
	struct policy *policy = line->policy;

	if (policy->rule_count == ARRAY_SIZE(policy->rules))
		return expected(line, at, LIMIT_RULES);
	policy->rules[policy->rule_count++] = *rule;
	return true;
}

static struct rule new_rule(const struct line *line, enum verb verb)
{
	return (struct rule){
		.verb = verb,
		.class = { .but = NO_CLASS }, /* any */
		.driver = text_of(DRIVER_DEFAULT),
		.file = line->mistake.file,
		.line = line->mistake.line,
		.source = line->mistake.source,
	};
}

static void parse_rule(struct line *line, enum verb verb, const char *at)
{
	struct rule rule = new_rule(line, verb);
	const char *rule_end = line->at;
	unsigned given = 0;
	bool ok = true;

	while (find_word(line)) {
		ok &= parse_word(line, &rule, &given);
		rule_end = line->at;
	}
	if (rule.select[SELECT_CLASS].count == 1)
		rule.class = line->policy->values[rule.select[SELECT_CLASS].first].class;
	/* A rule with a mistake in a word is not blamed for lacking that word too. */
	if (ok && check_rule(line, &rule, rule_end))
		(void)add_rule(line, at, &rule);
}

static void parse_accept(struct line *line)
{
	const char *end = line->at;
	struct word word;

	if (!find_word(line)) {
		expected(line, end, "accept cmdline");
		return;
	}
	if (!take_word(line, &word))
		return;
	if (!is_keyword(&word, "cmdline"))
		expected(line, word.at, "accept cmdline");
	else if (find_word(line))
		expected(line, line->at, "nothing behind accept cmdline");
	else
		line->policy->accept_cmdline = true;
}

static void parse_line(struct line *line)
{
	const char *start = line->at;
	const char *nul = line->at < line->end ?
				  memchr(line->at, '\0', (size_t)(line->end - line->at)) :
				  NULL;
	struct word word;

	if (nul)
		expected(line, nul, "text without a NUL byte");
	else if (line->end - start > POLICY_LINE_MAX)
		expected(line, start + POLICY_LINE_MAX, "a line of at most 4096 bytes");
	if (nul || line->end - start > POLICY_LINE_MAX)
		return;
	if (!find_word(line)) {
		if (line->of_cmdline)
			expected(line, line->at, "bind or keep");
		return;
	}
	if (!take_word(line, &word))
		return;
	if (is_keyword(&word, "bind"))
		parse_rule(line, VERB_BIND, word.at);
	else if (is_keyword(&word, "keep"))
		parse_rule(line, VERB_KEEP, word.at);
	else if (line->of_cmdline)
		expected(line, word.at, "bind or keep");
	else if (is_keyword(&word, "accept"))
		parse_accept(line);
	else
		expected(line, word.at, "bind, keep or accept");
}

bool policy_parse(struct policy *policy, struct text file, struct text text, struct diag *diag)
{
	struct line line = { .policy = policy, .diag = diag, .mistake = { .file = file } };
	unsigned before = diag->mistakes;
	struct text source;

	if (text.len >= 3 && !memcmp(text.at, "\xef\xbb\xbf", 3)) /* a byte order mark */
		text = (struct text){ text.at + 3, text.len - 3 };
	while (text_cut(&text, '\n', &source)) {
		if (source.len && source.at[source.len - 1] == '\r')
			source.len--;
		line.mistake.line++;
		line.mistake.source = source;
		line.at = source.at;
		line.end = source.at + source.len;
		line.host_allow = line.nth = line.vf = line.vfs = NULL;
		parse_line(&line);
	}
	return diag->mistakes == before;
}

static void parse_address(struct line *line, enum verb verb, struct text item)
{
	struct rule rule = new_rule(line, verb);
	union value value = { 0 };
	struct text address;

	rule.source = item;
	(void)text_cut(&item, '+', &address);
	if (!value_parse(SELECT_ADDRESS, address, &value)) {
		expected(line, address.at, selector_expected(SELECT_ADDRESS));
		return;
	}
	if (!add_value(line, &rule, SELECT_ADDRESS, value))
		return;
	if (item.at) {
		memset(&value, 0, sizeof(value));
		if (verb == VERB_KEEP) {
			expected(line, item.at - 1, "an address and nothing behind it");
			return;
		}
		if (!value_parse(SELECT_ID, item, &value)) {
			expected(line, item.at, selector_expected(SELECT_ID));
			return;
		}
		if (!add_value(line, &rule, SELECT_ID, value))
			return;
	}
	(void)add_rule(line, address.at, &rule);
}

static struct line line_of(struct policy *policy, const struct rule_word *word, struct diag *diag)
{
	return (struct line){
		.policy = policy,
		.diag = diag,
		.mistake = { .file = text_of(CMDLINE_FILE),
			     .line = word->number,
			     .source = word->whole },
		.at = word->value.at,
		.end = word->value.at + word->value.len,
		.of_cmdline = true,
	};
}

bool policy_parse_addresses(struct policy *policy, enum verb verb, const struct rule_word *word,
			    struct diag *diag)
{
	struct line line = line_of(policy, word, diag);
	unsigned before = diag->mistakes;
	struct text rest = word->value, item;

	while (text_cut(&rest, ',', &item))
		parse_address(&line, verb, item);
	return diag->mistakes == before;
}

bool policy_parse_rule(struct policy *policy, const struct rule_word *word, struct diag *diag)
{
	struct line line = line_of(policy, word, diag);
	unsigned before = diag->mistakes;
	size_t rules = policy->rule_count;

	parse_line(&line);
	if (policy->rule_count > rules)
		policy->rules[rules].source = word->value;
	return diag->mistakes == before;
}
