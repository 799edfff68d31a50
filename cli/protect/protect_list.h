/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds all that the host lives on, and writes it for usr/lib/vfio-bind/protect. */
#ifndef PROTECT_LIST_H
#define PROTECT_LIST_H

#include "host_use.h"

#include <stdio.h>

/*
 * Looks at the host, and scans an inventory that is all zero first. Says on stderr what it
 * cannot tell.
 */
void host_use_find(struct host_use *host, struct machine *machine, struct inventory *inventory);

/* The text of usr/lib/vfio-bind/protect: see protect.h. */
void host_use_write(struct host_use *host, FILE *out);

#endif
