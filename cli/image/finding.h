/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is found where an image is looked at, in words that are frozen. */
#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>

#define ORDER_TEXT_SIZE 256
#define BOOT_DECIDES    "vfio-bind verify --boot decides"

enum finding_kind {
	FOUND_RIGHT,
	FOUND_UNPROVEN, /* there is nothing here to tell by */
	FOUND_CHANGED,  /* not as it would be built now, which may do no harm */
	FOUND_UNKNOWN,  /* what the image would do, only a boot tells */
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

__attribute__((format(printf, 3, 4))) void order_say(struct image_order *order,
						     enum finding_kind kind, const char *how, ...);

#endif
