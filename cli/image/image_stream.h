/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes an image's bytes apart into files. */
#ifndef IMAGESTREAM_H
#define IMAGESTREAM_H

#include "image_file.h"

#include <archive.h>

/* Unpacks all of it as the kernel does: up to the first mistake, which goes to image->wrong. */
void image_unpack(struct image_tree *image, struct text all);

/* Takes one file; false without memory, or where its content cannot be read. */
bool image_take(struct image_tree *image, struct archive *archive, struct archive_entry *entry);

#endif
