/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives in the newc format, unpacked into a tree by the kernel's rules, which are not those of
 * cpio(1): linux/init/initramfs.c.
 */
#ifndef NEWC_H
#define NEWC_H

#include "image_tree.h"
#include "stream.h"

/* What the kernel remembers from one archive to the next. */
struct newc {
	struct image_tree *image;
	bool begun;        /* a member was read: zeros may stand before the next one */
	void *links;       /* names of files that may have more: for tfind(3) */
	const char *wrong; /* why it would go no further, or NULL: in said, or the stream's */
	char said[256];
};

/*
 * Unpacks what the stream holds. Of one that is not compressed all that is an archive, and what
 * follows is left in it. Returns false after a mistake, with newc->wrong.
 */
bool newc_unpack(struct newc *newc, struct stream *stream);

/* The image is left as it is. */
void newc_free(struct newc *newc);

#endif
