/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps a write that never returns from keeping the machine from booting. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "boot.h"

#define TIME_LIMIT_MS 10000

enum ending { ENDED, HUNG, DIED, NOT_STARTED };

/*
 * Does work in a child and waits for it, no longer than the time limit: a child in an
 * uninterruptible sleep is left behind. *status becomes what work returned.
 */
enum ending supervise(struct boot *boot, int (*work)(struct boot *boot), int *status);

#endif
