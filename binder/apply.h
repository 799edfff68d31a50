/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carries the plan out, and reads back what came of it. */
#ifndef APPLY_H
#define APPLY_H

#include "boot.h"

/*
 * Gives every device the plan binds to its driver. What became of each is in boot->outcomes.
 * Returns 0, or an error if the machine could not be read again: then nothing is bound.
 */
int apply(struct boot *boot);

/*
 * For whoever watched apply() hang or die: blames the step it was at on its device, and reads
 * everything back.
 */
void apply_cut_short(struct boot *boot, bool hung);

/* The driver that a device of the plan is bound to, by its own name once that is known. */
struct text driver_for(const struct boot *boot, size_t index);

/* True if the device is where the plan wants it. */
bool outcome_is_good(const struct boot *boot, size_t index);

#endif
