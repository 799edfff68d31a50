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

/*
 * Adds the rules of a kernel command line, ADDR[,ADDR...] behind rd.vfio_bind.keep= and
 * ADDR[+VVVV:DDDD][,...] behind rd.vfio_bind.bind=. value lies in line.
 */
bool policy_parse_cmdline(struct policy *policy, enum verb verb, struct text line,
			  struct text value, struct diag *diag);

/* True if one value of address=, path= or dsn= names one device: no list, and no `.*`. */
bool rule_names_one_device(const struct policy *policy, const struct rule *rule);

/* True if id= is one whole id: no list, and no `*`. */
bool rule_has_whole_id(const struct policy *policy, const struct rule *rule);

#endif
