/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a rule's selectors match a device. Part of the core. */
#ifndef MATCH_H
#define MATCH_H

#include "decision.h"
#include "value.h"

/* True if one of the selector's values matches; facts it lacks it asks for, and says no. */
bool selector_matches(struct decision *decision, const struct rule *rule, enum selector selector,
		      size_t index);

/* True if every selector of the rule matches, except those whose bits are in spared. */
bool rule_matches_but(struct decision *decision, const struct rule *rule, size_t index,
		      unsigned spared);

/* True if every selector of the rule matches. It is asked of every function there is. */
static inline bool rule_matches(struct decision *decision, const struct rule *rule, size_t index)
{
	const struct device *device = &decision->inventory->devices[index];

	return (class_matches(&rule->class, device->class) || device->unreadable) &&
	       rule_matches_but(decision, rule, index, 0);
}

/* True if some device stands where the rule's address= or path= points, whatever it is. */
bool rule_names_place(const struct rule *rule);
size_t rule_place(struct decision *decision, const struct rule *rule);

/*
 * Where the device of such a rule may be now: the one function that has all it asks for but the
 * place, the whole id= among it; or of several the one with the same function number, as the ports
 * of one card have. NO_DEVICE where there is none, or more than one.
 */
size_t rule_candidate(struct decision *decision, const struct rule *rule);

#endif
