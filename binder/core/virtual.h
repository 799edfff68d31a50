/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual functions that are not there yet: which physical ones have to hold them back from the
 * host's drivers until the late pass has judged them. Part of the core.
 */
#ifndef VIRTUAL_H
#define VIRTUAL_H

#include "decision.h"

/* True if the rule names the device by pf=. */
bool rule_names_physfn(const struct decision *decision, const struct rule *rule, size_t index);

/* Fills in what the plan says of virtual functions to come, once its rules are judged. */
void plan_virtual(struct decision *decision);

#endif
