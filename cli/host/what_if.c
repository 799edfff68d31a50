/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "what_if.h"

#include <string.h>

size_t whatif_add(struct host *host, struct text source, unsigned line)
{
	struct policy *policy = &host->judged.policy;
	struct text file = text_of("/" POLICY_FILE);
	size_t count = policy->rule_count, at = 0;
	struct rule rule;

	if (count == POLICY_RULES_MAX) {
		(void)complain(EXIT_USAGE, "the policy has %d rules, and no more fit",
			       POLICY_RULES_MAX);
		return NO_RULE;
	}
	if (!policy_parse(policy, file, source, &host->mistakes.diag))
		return NO_RULE;
	rule = policy->rules[count];
	rule.line = line;
	while (at < count && text_equal(policy->rules[at].file, file))
		at++;
	memmove(&policy->rules[at + 1], &policy->rules[at], (count - at) * sizeof(rule));
	policy->rules[at] = rule;
	return at;
}

void whatif_drop(struct host *host, size_t rule)
{
	struct policy *policy = &host->judged.policy;

	policy->rule_count--;
	memmove(&policy->rules[rule], &policy->rules[rule + 1],
		(policy->rule_count - rule) * sizeof(policy->rules[0]));
}
