/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy's files, from the machine to a payload. */
#ifndef POLICYCOPY_H
#define POLICYCOPY_H

#include "policy.h"
#include "tree.h"

/*
 * Copies all files load_policy() reads, byte for byte, and an empty one for each that is switched
 * off. One that it refuses, for whoever owns or
 * may write it, is replaced by a line that makes no sense: a copy would be trusted at boot.
 * Returns 0 or a negative errno.
 */
int policy_copy(struct tree *tree, struct machine *machine);

/*
 * Reads the copy as the boot will. Returns false if it does not say what policy says, or has
 * mistakes where that has none, or none where that has some: somebody changed a file meanwhile.
 */
bool policy_copy_is_good(const char *dir, const struct policy *policy, bool has_mistakes);

#endif
