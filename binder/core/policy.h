/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy: text to rules. Part of the core: no system call, no allocation, no printing. */
#ifndef POLICY_H
#define POLICY_H

#include "rule.h"

/*
 * Adds the rules of text to policy, which starts out all zero. Both texts have to outlive the
 * policy. Reports every mistake; returns false if there was any, and then nothing may be bound
 * by the policy.
 */
bool policy_parse(struct policy *policy, struct text file, struct text text, struct diag *diag);

/* What stands for a file's name where a rule is of the kernel command line. */
#define CMDLINE_FILE "cmdline"

/* A word of the kernel command line that adds rules: to their places it is a line of a file. */
struct rule_word {
	unsigned number; /* of the words that do, from 1 */
	struct text whole, value;
};

/*
 * Adds the rules of such a word: ADDR[,ADDR...] behind rd.vfio_bind.keep=, and behind
 * rd.vfio_bind.bind= ADDR[+VVVV:DDDD][,...].
 */
bool policy_parse_addresses(struct policy *policy, enum verb verb, const struct rule_word *word,
			    struct diag *diag);

/* Adds the rule behind rd.vfio_bind.rule=, whose words are those of a file. */
bool policy_parse_rule(struct policy *policy, const struct rule_word *word, struct diag *diag);

/* True if one value of address=, path= or dsn= names one device: no list, and no `.*`. */
bool rule_names_one_device(const struct policy *policy, const struct rule *rule);

/* True if id= is one whole id: no list, and no `*`. */
bool rule_has_whole_id(const struct policy *policy, const struct rule *rule);

#endif
