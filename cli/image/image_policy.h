/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the policy in an image, in the order in which the binder reads them. */
#ifndef IMAGEPOLICY_H
#define IMAGEPOLICY_H

#include "image_file.h"
#include "load.h"

/* A file of POLICY_DIR or VENDOR_DIR in an image. All zero: before the first. */
struct image_drop_in {
	size_t at[2];         /* of image_next(), in each folder */
	const char *names[2]; /* not yet come to */
	bool begun;
	const char *name, *folder;
	char path[MACHINE_PATH_SIZE];
	bool off;
};

/* Goes on to the next as next_drop_in() does. Returns false behind the last. */
bool image_next_drop_in(const struct image_tree *image, struct image_drop_in *drop_in);

#endif
