/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which generator made an image, and whether what it boots calls the binder early enough. */
#ifndef IMAGEORDER_H
#define IMAGEORDER_H

#include "finding.h"
#include "image_file.h"

void image_order(const struct image_tree *image, struct image_order *order);

/* True for files whose content image_order() wants. */
bool image_order_needs(const char *path);

#endif
