/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy as it would be after an edit, to be judged before anything is written. */
#ifndef WHATIF_H
#define WHATIF_H

#include "host.h"

/*
 * Adds the rule in source, which has to outlive the host's policy, as if it stood behind all
 * others of POLICY_FILE, in that line. Returns its index, or NO_RULE and has said why not.
 */
size_t whatif_add(struct host *host, struct text source, unsigned line);

/* Takes a rule away. */
void whatif_drop(struct host *host, size_t rule);

#endif
