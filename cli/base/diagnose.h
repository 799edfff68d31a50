/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells a person what is wrong: a mistake in the policy with its line and a caret, a warning. */
#ifndef DIAGNOSE_H
#define DIAGNOSE_H

#include "diag.h"

/* For struct diag: `file:line:column: expected ...`, the line and a caret, on stderr. */
void diagnose(struct diag *diag, const struct mistake *mistake);

/* "vfio-bind: warning: " and the message, on stderr. */
__attribute__((format(printf, 1, 2))) void warn(const char *how, ...);

/* Keeps warnings back, for whoever looks a second time at what was warned of already. */
void warnings_hold(bool hold);

#endif
