/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line, the plan of modules and the protect file. */
#include "fuzz.h"

#include "cmdline.h"
#include "modplan.h"
#include "protect.h"

#include <ctype.h>
#include <string.h>

static bool lies_in(struct text part, struct text whole)
{
	return !part.len || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

/* The words of ours that are found are there, and a mistake among them binds nothing. */
static void check_cmdline(struct text input)
{
	static struct policy policy;
	struct diag diag = { .emit = check_mistake };
	struct words words = { 0 };
	bool ok;

	cmdline_read(input, &words);
	MUST(lies_in(words.decided_by, input) && lies_in(words.init, input));
	MUST(!words.unknown_value || words.mode == MODE_OFF);
	MUST(words.mode == MODE_ON || words.decided_by.len);
	policy_empty(&policy);
	ok = cmdline_rules(input, &words, &policy, &diag);
	MUST(ok == !diag.mistakes);
	for (size_t i = 0; i < policy.rule_count; i++)
		MUST(policy.rules[i].verb == VERB_KEEP); /* nobody accepted cmdline */
	policy_empty(&policy);
	policy.accept_cmdline = true;
	MUST(cmdline_rules(input, &words, &policy, &diag) || diag.mistakes);
	for (size_t i = 0; i < policy.rule_count; i++)
		MUST(!(policy.rules[i].allow & ALLOW_HOST));
}

/* linux/lib/ctype.c: that of this process knows ASCII only. */
static bool is_kernel_space(char c)
{
	return isspace((unsigned char)c) || c == '\xa0';
}

/*
 * Whether the kernel would find a parameter of that name, by its own rules: a blank ends a word
 * unless a quote is open, wherever that stands. linux/lib/cmdline.c:next_arg.
 */
static bool kernel_finds(const char *words, const char *wanted)
{
	while (*words) {
		const char *start, *equals = NULL;
		bool quoted = false;

		while (is_kernel_space(*words))
			words++;
		if (*words == '"') {
			quoted = true;
			words++;
		}
		for (start = words; *words && (quoted || !is_kernel_space(*words)); words++) {
			if (*words == '=' && !equals)
				equals = words;
			if (*words == '"')
				quoted = !quoted;
		}
		if (equals && (size_t)(equals - start) == strlen(wanted) &&
		    !memcmp(start, wanted, strlen(wanted)))
			return true;
	}
	return false;
}

/* Each step is taken once, and no module is ever told ids=. */
static void check_plan(struct text plan, struct text cmdline)
{
	static struct module_params params;
	struct text rest = plan, release;
	struct module_step step;
	size_t steps = 0;

	if (!modplan_open(&rest, &release))
		return;
	MUST(release.len && lies_in(release, plan));
	while (modplan_next(&rest, &step) > 0) {
		MUST(step.file.len && lies_in(step.file, plan) && lies_in(step.options, plan));
		MUST(!memchr(step.file.at, '/', step.file.len) || step.builtin);
		MUST(!step.variant || driver_is_choice(step.file));
		module_params(&params, step.file, step.options, cmdline);
		MUST(strlen(params.text) < sizeof(params.text));
		MUST(!kernel_finds(params.text, "ids"));
		MUST(++steps <= plan.len);
	}
}

/* What makes no sense protects all storage. */
static void check_protect(struct text input)
{
	static struct protect protect;
	unsigned wrong;

	protect.count = 0;
	protect.unknown = false;
	wrong = protect_parse(&protect, input);
	MUST(!wrong || protect.unknown);
	for (size_t i = 0; !wrong && i < protect.count; i++)
		MUST(lies_in(protect.lines[i].path, input) && use_name(protect.lines[i].use)[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text input = { (const char *)data, size }, first = take_part(&input);

	check_cmdline(first);
	check_plan(first, input);
	check_protect(first);
	return 0;
}
