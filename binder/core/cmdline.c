/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmdline.h"

/* As the kernel's isspace() has it, the last one being Latin-1's: linux/lib/ctype.c. */
static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

/* Quotes around a whole value, or around all of name=value, are not part of either. */
static struct text unquote(struct text text)
{
	if (text.len && text.at[0] == '"') {
		text.at++;
		text.len--;
		if (text.len && text.at[text.len - 1] == '"')
			text.len--;
	}
	return text;
}

bool cmdline_next(struct text *rest, struct cmdline_word *word)
{
	bool quoted = false;
	size_t len = 0;

	while (rest->len && is_blank(*rest->at)) {
		rest->at++;
		rest->len--;
	}
	while (len < rest->len && (quoted || !is_blank(rest->at[len])))
		quoted ^= rest->at[len++] == '"';
	if (!len)
		return false;
	word->whole = (struct text){ rest->at, len };
	rest->at += len;
	rest->len -= len;
	word->value = unquote(word->whole);
	(void)text_cut(&word->value, '=', &word->name);
	if (word->value.at)
		word->value = unquote(word->value);
	return !text_is(word->whole, "--");
}

static char dashed(char c)
{
	return (char)(c == '_' ? '-' : c);
}

bool cmdline_name_is(struct text name, const char *wanted)
{
	size_t i = 0;

	while (i < name.len && wanted[i] && dashed(name.at[i]) == dashed(wanted[i]))
		i++;
	return i == name.len && !wanted[i];
}

static bool is_any_of(struct text value, const char *const words[3])
{
	for (int i = 0; i < 3; i++)
		if (text_is(value, words[i]))
			return true;
	return false;
}

static const char *const off[3] = { "0", "off", "no" };

static void read_mode(struct words *words, const struct cmdline_word *word)
{
	static const char *const on[3] = { "1", "on", "yes" };
	bool unknown = false;
	enum mode mode = MODE_OFF;

	if (is_any_of(word->value, on))
		mode = MODE_ON;
	else if (text_is(word->value, "dry-run"))
		mode = MODE_DRY_RUN;
	else
		unknown = !is_any_of(word->value, off);
	/* The most careful word wins, wherever it stands; a known one over an unknown one. */
	if (words->decided_by.len &&
	    (mode < words->mode || (mode == words->mode && unknown >= words->unknown_value)))
		return;
	words->mode = mode;
	words->unknown_value = unknown;
	words->decided_by = word->whole;
}

static bool starts_ours(struct text name)
{
	static const char prefix[] = "rd.vfio_bind.";

	if (name.len < sizeof(prefix) - 1)
		return false;
	name.len = sizeof(prefix) - 1;
	return cmdline_name_is(name, prefix);
}

void cmdline_read(struct text cmdline, struct words *words)
{
	struct cmdline_word word;

	*words = (struct words){ .mode = MODE_ON, .undo = UNDO_SECONDS };
	while (cmdline_next(&cmdline, &word)) {
		if (cmdline_name_is(word.name, "rd.vfio_bind") ||
		    cmdline_name_is(word.name, "vfio_bind")) {
			read_mode(words, &word);
		} else if (cmdline_name_is(word.name, "rd.vfio_bind.init")) {
			words->init = word.value;
		} else if (cmdline_name_is(word.name, "rd.vfio_bind.undo")) {
			if (is_any_of(word.value, off))
				words->undo = 0;
			else if (!text_number(word.value, UNDO_SECONDS_MAX, &words->undo))
				words->unknown_word = word.whole;
		} else if (cmdline_name_is(word.name, "root")) {
			words->root = true;
		} else if (starts_ours(word.name) &&
			   !cmdline_name_is(word.name, "rd.vfio_bind.keep") &&
			   !cmdline_name_is(word.name, "rd.vfio_bind.bind") &&
			   !cmdline_name_is(word.name, "rd.vfio_bind.rule")) {
			words->unknown_word = word.whole;
		}
	}
}

bool cmdline_rules(struct text cmdline, struct words *words, struct policy *policy,
		   struct diag *diag)
{
	struct rule_word adds = { 0 };
	struct cmdline_word word;
	struct text rest = cmdline;
	bool ok = true;

	while (cmdline_next(&rest, &word)) {
		bool is_keep = cmdline_name_is(word.name, "rd.vfio_bind.keep");
		bool is_rule = cmdline_name_is(word.name, "rd.vfio_bind.rule");

		if (!is_keep && !is_rule && !cmdline_name_is(word.name, "rd.vfio_bind.bind"))
			continue;
		adds.number++;
		adds.whole = word.whole;
		adds.value = word.value;
		if (!word.value.at) /* something is missing, and that is where */
			adds.value = (struct text){ word.whole.at + word.whole.len, 0 };
		if (!is_keep && !policy->accept_cmdline)
			words->ignored = word.whole;
		else if (is_rule)
			ok &= policy_parse_rule(policy, &adds, diag);
		else
			ok &= policy_parse_addresses(policy, is_keep ? VERB_KEEP : VERB_BIND, &adds,
						     diag);
	}
	return ok;
}
