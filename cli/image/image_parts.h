/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image holds of ours, and what of that is amiss whatever machine it boots: so much of it
 * can be remembered, image_cache.h, and the rest of the image need not be read again.
 */
#ifndef IMAGE_PARTS_H
#define IMAGE_PARTS_H

#include "image_order.h"
#include "load.h"
#include "modplan.h"

#define IMAGE_BINDER_FILE  PAYLOAD_DIR "/binder"
#define IMAGE_PLAN_FILE    PAYLOAD_DIR "/plan"
#define IMAGE_MODULES_DIR  PAYLOAD_DIR "/modules/"
#define IMAGE_HOOK_FILE    "hooks/vfio-bind" /* of mkinitcpio */
#define GENERATOR_SIZE     32
#define FINDING_DETAIL_MAX 768

struct image_finding {
	enum finding_kind kind;
	char detail[FINDING_DETAIL_MAX];
};

enum part { PART_ARCHIVES, PART_BINDER, PART_PLAN, PART_MODULES, PART_ORDER, PARTS };

struct image_parts {
	struct image_tree tree;
	char generator[GENERATOR_SIZE];
	char release[NAME_SIZE]; /* of the kernel it is for, or empty */
	bool ours;               /* it holds anything of ours */
	bool overlay;            /* and nothing else that would boot */
	bool init_is_binder;
	bool lacks_vfio_pci; /* its plan does, as its kernel does */
	uint64_t binder;     /* digest.h: of its binder, 0 for none */
	bool plan_makes_sense;
	size_t loads, builtins; /* modules in its plan */
	struct image_finding own[PARTS];
};

/*
 * Reads the image at path. release is that of its kernel, or NULL: then the image says it. Returns
 * 0 or a negative errno. Free it with image_parts_free() in any case.
 */
int image_parts_read(struct image_parts *parts, const char *path, const char *release);
int image_parts_read_open(struct image_parts *parts, int fd, const char *release);
void image_parts_free(struct image_parts *parts);

/* The frozen word for a part. */
const char *part_word(enum part part);

#endif
