/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All storage of the host: mounted, in fstab or crypttab, swap and resume. */
#ifndef STORAGE_H
#define STORAGE_H

#include "host_use.h"

/*
 * Marks the functions it stands on. Returns NULL, or why the host cannot be seen from here:
 * then nobody can say what it lives on.
 */
const char *storage_find(struct host_use *host);

#endif
