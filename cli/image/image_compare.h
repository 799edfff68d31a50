/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks of an image share. */
#ifndef IMAGECOMPARE_H
#define IMAGECOMPARE_H

#include "image_check.h"

/* An image beside the payload that would be built now. */
struct comparison {
	struct image_check *check;
	const char *release; /* that the caller says the image is for, or NULL */
	struct image_tree image;
	struct machine machine;
	struct machine now; /* the payload, if it was built */
	bool built;
};

__attribute__((format(printf, 4, 5))) void comparison_add(struct comparison *all, const char *check,
							  enum finding_kind kind, const char *how,
							  ...);

/* True if the machine's file holds just that. */
bool comparison_is_same(struct machine *machine, const char *path, struct text text);

/* Sets check->release: what the caller says, else the image's plan, else its modules. */
void comparison_find_release(struct comparison *all);

/* Checks the plan, and the modules it names. */
void comparison_plan(struct comparison *all);

#endif
