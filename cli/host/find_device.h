/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a person names a device: by its address, or by a node in /dev of something on it. */
#ifndef WHAT_H
#define WHAT_H

#include "host.h"

/*
 * Finds the device, or complains. A node of a mapped device, an array or a multipath head leads
 * to what it stands on, if that is one function only. Returns an exit code.
 */
int what_find(struct host *host, const char *what, size_t *index);

#endif
