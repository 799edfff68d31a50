/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guards: what keeps a device that a rule selects with the host all the same. */
#ifndef GUARD_H
#define GUARD_H

#include "decision.h"

/*
 * True if the guard, one of GUARD_FIRST to GUARD_LAST, holds the device back under this rule;
 * how says whether the rule matches the device or brings it along.
 */
bool guard_strikes(struct decision *decision, enum reason guard, const struct rule *rule,
		   size_t index, enum reason how);

/* The allow= bit that lifts a guard, or 0. */
unsigned guard_allow(enum reason guard);

/* The first guard that strikes, or REASON_NONE. Driver conflicts are not judged here. */
enum reason guard_first(struct decision *decision, const struct rule *rule, size_t index,
			enum reason how);

/* Asks for facts about a device. Returns true if all of them are known already. */
bool need_facts(struct decision *decision, size_t index, unsigned facts);

/* The same for a fact about the whole machine. */
bool need_machine_fact(struct decision *decision, enum fact fact);

/* A guest's driver has it, though a keep rule or protect names it. Asks for the facts it takes. */
bool host_wants_back(struct decision *decision, size_t index);

/* Whether the device shows the boot's picture; asks for the facts that takes. */
enum picture decide_picture(struct decision *decision, size_t index);

#endif
