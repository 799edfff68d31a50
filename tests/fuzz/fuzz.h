/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share: what must hold, the input as text, and rules as text again. */
#ifndef FUZZ_H
#define FUZZ_H

#include "policy.h"

#include <stdio.h>
#include <stdlib.h>

/* The engine keeps the input that breaks it. */
#define MUST(holds)                                                                                \
	do {                                                                                       \
		if (!(holds)) {                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds);        \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Called by the engine, once for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes what stands before the first NUL byte, or all of it, off the input. */
static inline struct text take_part(struct text *input)
{
	struct text part = { 0 };

	(void)text_cut(input, '\0', &part);
	return part;
}

/* Empties a policy: only what was used of it, for it is large. */
static inline void policy_empty(struct policy *policy)
{
	for (size_t i = 0; i <= policy->rule_count && i < POLICY_RULES_MAX; i++)
		policy->rules[i] = (struct rule){ 0 };
	policy->rule_count = policy->value_count = 0;
	policy->accept_cmdline = false;
}

/* A mistake lies within the text it is about. */
static inline void check_mistake(struct diag *diag, const struct mistake *mistake)
{
	(void)diag;
	MUST(mistake->line && mistake->column && mistake->expected[0]);
	MUST(mistake->column <= mistake->source.len + 1);
}

/* Parses into an emptied policy; what it returns and what it told must agree. */
static inline bool parse_policy(struct policy *policy, struct text text)
{
	struct diag diag = { .emit = check_mistake };
	bool ok;

	policy_empty(policy);
	ok = policy_parse(policy, text_of("/etc/vfio-bind.conf"), text, &diag);
	MUST(ok == !diag.mistakes);
	return ok;
}

#endif
