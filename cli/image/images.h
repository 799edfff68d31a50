/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the images of the kernels that are installed stand to the policy in /etc. */
#ifndef IMAGES_H
#define IMAGES_H

#include "host/host.h"
#include "host/kernels.h"
#include "payload/stamp.h"

struct image {
	const struct kernel *kernel;
	struct stamp stamp;
	bool next; /* of the running kernel or the newest: one of them boots next */
};

struct images {
	struct kernels kernels;
	struct image list[KERNELS_MAX];
	size_t count;
};

/* By their stamps alone: see stamp.h. A machine file has none. */
void images_read(struct images *images, struct host *host);

/* True if the next boot goes by another policy than /etc has, as far as stamps tell. */
bool images_are_stale(const struct images *images);

/* True if an image of ours was built for a kernel that boots next. */
bool images_have_ours(const struct images *images);

/* A word for each state: `current`, `other-policy`, `other-version`, `none`, `unreadable`. */
const char *stamp_word(enum stamp_state state);

#endif
