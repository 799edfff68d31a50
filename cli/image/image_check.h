/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compares an image with what would be put into it now. */
#ifndef IMAGECHECK_H
#define IMAGECHECK_H

#include "image_parts.h"

#define IMAGE_CHECKS_MAX 12

struct image_model;

struct image_check_row {
	const char *check;
	enum finding_kind kind;
	char detail[FINDING_DETAIL_MAX];
};

struct image_check {
	char generator[GENERATOR_SIZE];
	char release[NAME_SIZE]; /* of the kernel the image is for, or empty */
	bool configured;         /* /etc has a rule */
	unsigned mistakes;       /* in /etc */
	bool denied;             /* /etc may not be read */
	bool ours;               /* the image holds anything of ours */
	bool init_is_binder;
	struct image_check_row findings[IMAGE_CHECKS_MAX];
	size_t count;
	struct image_check_row *order;   /* which is one of them */
	const struct image_model *model; /* until the next check; NULL: nothing there is ours */
	bool elsewhere;                  /* what is unknown, the machine that boots it may know */
	char failed[MACHINE_PATH_SIZE];  /* what could not be read, after an error */
};

/*
 * Reads the image at path and compares it with the machine below root. release is that of its
 * kernel, or NULL: then the image says it. Mistakes of the policy go to stderr. Returns 0 or a
 * negative errno.
 */
int image_check(struct image_check *check, const char *root, const char *path, const char *release);

#endif
