/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image will do on this machine: its own policy, protect and command line, judged by the
 * same decide() as at boot, beside what /etc wants here.
 */
#ifndef IMAGE_MODEL_H
#define IMAGE_MODEL_H

#include "base/command.h"
#include "image_file.h"
#include "image_order.h"

#define MODEL_DETAIL_SIZE 768

struct image_model {
	enum finding_kind kind;
	char detail[MODEL_DETAIL_SIZE]; /* each function that is not as /etc wants it, and why */
};

/*
 * Judges the image for the machine below root. same_policy: its policy is that of /etc, so that
 * what it takes otherwise is no mere lack of a rebuild.
 */
void image_model(struct image_model *model, const struct image_tree *image, const char *root,
		 bool same_policy);

#endif
