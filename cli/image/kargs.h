/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of /etc as words of the kernel command line, for a system whose image is built
 * elsewhere, and without its /etc.
 */
#ifndef KARGS_H
#define KARGS_H

#include "base/arguments.h"
#include "load.h"

/*
 * Prints the command that adds what the command line lacks; with_rpm_ostree, that of rpm-ostree.
 * Returns an exit code: EXIT_PENDING where something is to be added.
 */
int kargs_print(struct machine *machine, const struct policy *policy, bool with_rpm_ostree,
		const struct options *options);

#endif
