/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An initramfs image of any generator, as the tree of files the kernel makes of it: archives
 * one behind the other, of which the last to have a file wins; on their own or in a unified
 * kernel image
 * (linux/Documentation/driver-api/early-userspace/buffer-format.rst).
 */
#ifndef IMAGEFILE_H
#define IMAGEFILE_H

#include "image_tree.h"

/*
 * Reads the image that is open, and the content of files that keep() wants. Returns 0, or an error
 * if it cannot be read; an image that is damaged is not one, it has image->wrong. Free it with
 * image_free() in any case.
 */
int image_read_open(struct image_tree *image, int fd);

#endif
