/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which generator made an image, and whether what it boots calls the binder early enough. */
#ifndef IMAGEORDER_H
#define IMAGEORDER_H

#include "image_file.h"

#define ORDER_TEXT_SIZE 256

enum finding_kind {
	FOUND_RIGHT,
	FOUND_UNPROVEN, /* there is nothing here to tell by */
	FOUND_CHANGED,  /* not as it would be built now, which may do no harm */
	FOUND_OUTDATED, /* not as it would be built now */
	FOUND_MISSING,
	FOUND_WRONG,
};

const char *finding_word(enum finding_kind kind);

struct image_order {
	const char *generator; /* what people call it */
	enum finding_kind kind;
	bool init_is_binder;
	char detail[ORDER_TEXT_SIZE];
};

void image_order(const struct image_tree *image, struct image_order *order);

/* True for files whose content image_order() wants. */
bool image_order_needs(const char *path);

#endif
