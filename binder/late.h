/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that come after the boot's pass: virtual functions, Thunderbolt, hot plug, a rescan.
 * Each is judged by the same rules, facts and guards when udev hears of it: binder --device.
 */
#ifndef LATE_H
#define LATE_H

#include "boot.h"

/* What the boot's pass leaves below /run for the late ones: its texts, and what it saw. */
#define PROTECT_NAME "/protect"
#define PLAN_NAME    "/plan"
#define SEEN_NAME    "/seen"

/* Leaves it in dir. Returns 0 or an error. */
int late_leave(struct boot *boot, const char *dir);

/* True if there is nothing to do for the device: it is gone, or a guest's driver has it. */
bool late_is_settled(struct boot *boot);

/*
 * Late passes and undo work one at a time: until this process ends, nobody else has the lock. A
 * child of its own, which may hang, does not inherit it: fcntl_locking(2). Returns 0 or an error;
 * -EAGAIN, unless it is to wait, where somebody else has it.
 */
int late_lock(struct machine *machine, bool wait);

/*
 * Waits for another late pass to end, then reads what the boot's pass left. Where it is missing,
 * what the host lives on is unknown. Returns 0 or an error.
 */
int late_begin(struct boot *boot);

/*
 * For a pass that was out of time before it had decided: has the kernel tell udev of the device
 * once more, by a process that nobody waits for. What comes of that pass is not tried again.
 */
void late_again(struct boot *boot);

/* True if the boot was not to bind anything: then no late pass is. */
bool late_is_called_off(struct boot *boot);

/* Looks, decides, and does what is to be done for the device. Returns 0 or an error. */
int late_work(struct boot *boot);

#endif
