/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decision: policy and inventory to one verdict for each device. Part of the core: no
 * system call, no allocation, no printing, and the same for the same input.
 */
#ifndef DECIDE_H
#define DECIDE_H

#include "decision.h"

/*
 * Fills in the plan. Returns false while facts are missing: read those in wants and
 * decide again. Every round asks for at least one more.
 */
bool decide(struct decision *decision);

/* True if the rule's selectors match the device, and count=, nth= and dsn= agree. */
bool rule_selects(struct decision *decision, size_t rule, size_t device);

/* True if the device at index goes along with the one at leader under the rule's with=. */
bool goes_along(struct decision *decision, size_t rule, size_t index, size_t leader);

/* True if the plan leaves that screen to the host, with all heads of its card. */
bool screen_is_left(const struct decision *decision, size_t index);

/*
 * Writes what there is to say of a rule that found nothing, beside its reason: what stands there,
 * where its device may be now, which screens nobody knows enough of. Returns the length.
 */
#define RULE_DETAIL_SIZE 320
size_t rule_detail(const struct decision *decision, size_t rule, char out[RULE_DETAIL_SIZE]);

/* True if count= or dsn= find the rule to select nothing at all. */
bool rule_is_void(const struct plan *plan, size_t index);

#endif
