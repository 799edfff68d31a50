/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a write that never returns from keeping the machine from booting. What a child comes to
 * it leaves in memory it shares: whether SIGCHLD is ignored, and who else waits, does not matter.
 */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "boot.h"

#define TIME_LIMIT_MS 10000

/* Work has its time limit from now on. */
void time_start(struct boot *boot);

enum ending { ENDED, HUNG, DIED, NOT_STARTED };

/*
 * Does work in a child and waits for it, no longer than the time limit: a child in an
 * uninterruptible sleep is left behind. *status becomes what work returned.
 */
enum ending supervise(struct boot *boot, int (*work)(struct boot *boot), int *status);

/*
 * Milliseconds that work may still spend on what might hang. The last of the time limit is for
 * reading back and for the report.
 */
int64_t time_left(const struct boot *boot);

/* Starts work on one device in a child. Returns 0 or an error. */
int child_start(struct child *child, struct boot *boot, size_t index,
		void (*work)(struct boot *boot, size_t index));

/* Waits for the child, at most so many milliseconds. Returns true once it has ended. */
bool child_wait(struct child *child, int64_t ms);

/* Nothing more of the child: should it hang, it ends as soon as it returns to itself. */
void child_end(struct child *child);

#endif
