/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hop paths: ROOT/DD.F/.../DD.F, the last root bus above a device and then the device and
 * function of every bridge down to it. No bus number below the root occurs in one, so it
 * names the same place after buses were renumbered.
 */
#ifndef PATH_H
#define PATH_H

#include "device.h"

/* A root, one hop for each of the 256 buses a chain can cross, and a NUL. */
#define PATH_SIZE (sizeof("ffffffff:ff") + 256 * sizeof("/DD.F"))

bool path_is_valid(struct text path);
bool path_matches(struct text path, const struct inventory *inventory, size_t index);

/* True if the path ends at the device's bus: the place of a virtual function it may have. */
bool path_is_beside(struct text path, const struct inventory *inventory, size_t index);

/* Writes the path of the device at index and a NUL; returns its length. */
size_t path_format(const struct inventory *inventory, size_t index, char out[PATH_SIZE]);

/* The device a path leads to, or NO_DEVICE. */
size_t path_find(struct text path, const struct inventory *inventory);

#endif
