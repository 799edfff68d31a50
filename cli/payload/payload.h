/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The payload for one kernel: what each of our images holds. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "base/command.h"

/* True for what can be the name of a directory in lib/modules. */
bool is_release(const char *text);

/*
 * Writes the payload of the machine below root into dir; on_trial: as on trial, even if the trial is over.
 * What is wrong goes to stderr. Returns an exit code: EXIT_NOT_CONFIGURED without a rule, and then
 * nothing was written.
 */
int payload_write(const char *root, const char *release, const char *dir, bool on_trial);

#endif
