/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a rule's selectors match a device. Part of the core. */
#ifndef MATCH_H
#define MATCH_H

#include "decide.h"

/* True if one of the selector's values matches; facts it lacks it asks for, and says no. */
bool selector_matches(struct decision *decision, const struct rule *rule, enum selector selector,
		      size_t index);

/* True if every selector of the rule matches. */
bool rule_matches(struct decision *decision, const struct rule *rule, size_t index);

/* True if some device stands where the rule's address= or path= points, whatever it is. */
bool rule_names_place(const struct rule *rule);
size_t rule_place(struct decision *decision, const struct rule *rule);

#endif
