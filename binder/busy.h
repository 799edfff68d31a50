/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a root device is missing because a person, or a program, is still at it. */
#ifndef BUSY_H
#define BUSY_H

#include "machine.h"

/*
 * True if somebody is asked for a password or has a shell, or a file system is being checked or
 * mounted. In an initramfs: a running system has shells all the time.
 */
bool somebody_is_busy(struct machine *machine);

/*
 * True if the console shows nothing of what is typed: an init that asks for a password by itself,
 * as booster's does, has no process for it. plymouth leaves its console like that, too.
 */
bool console_is_silent(struct machine *machine);

#endif
