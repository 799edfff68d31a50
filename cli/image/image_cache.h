/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was found in an image, kept so that nobody need unpack it again until it changes:
 * /var/cache/vfio-bind/images/PATH, with "!" for each slash. What its policy makes of this machine
 * is not in it: that is judged each time. The file is root's, as readable as its image is; one that
 * others may have written, or that makes no sense, counts as none.
 */
#ifndef IMAGE_CACHE_H
#define IMAGE_CACHE_H

#include "image_parts.h"

#include <sys/stat.h>

#define IMAGE_CACHE_DIR "var/cache/vfio-bind/images"

/*
 * What the image at path, below the machine's root, holds: remembered, or read and remembered.
 * Returns 0 or a negative errno, -EACCES where the caller may not read it. Free it with
 * image_parts_free() in any case.
 */
int image_cache_read(struct image_parts *parts, struct machine *machine, const char *path);

#endif
