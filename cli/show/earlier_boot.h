/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an earlier boot did, by the lines the binder wrote to the kernel's log: from the journal, or,
 * where that did not live, from what the kernel left in pstore.
 */
#ifndef EARLIER_BOOT_H
#define EARLIER_BOOT_H

#include "base/command.h"
#include "base/table.h"

#define EARLIER_BOOTS_MAX 99

/* Prints what the boot that many before this one did. Returns an exit code. */
int earlier_boot_print(const struct options *options, const struct table *table, unsigned before);

#endif
