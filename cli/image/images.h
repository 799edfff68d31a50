/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the images of the kernels that are installed stand to the policy in /etc: by what is in them
 * and what that will do here, image_model.h, where they can be read.
 */
#ifndef IMAGES_H
#define IMAGES_H

#include "host/host.h"
#include "host/kernels.h"
#include "image_model.h"
#include "payload/stamp.h"

/* From the best to the worst: of several images of a kernel the worst counts. */
enum image_state {
	IMAGE_CURRENT,    /* it will do here what /etc wants */
	IMAGE_VERSION,    /* the same, with another binder than the one that is installed */
	IMAGE_UNKNOWN,    /* only a boot tells, or who may see more of this machine */
	IMAGE_UNREADABLE, /* the image may not be read, or nobody knows where it is */
	IMAGE_OUTDATED,   /* it has the policy of /etc, and will do something else here */
	IMAGE_POLICY,     /* it has another policy */
	IMAGE_NONE,       /* nothing of ours is in it */
	IMAGE_WRONG,      /* it will not do what its policy says on any machine */
	IMAGE_STATES,
};

struct image {
	const struct kernel *kernel;
	enum image_state state;
	bool next;    /* of the running kernel or the newest: one of them boots next */
	bool overlay; /* the state is that of an archive beside it, made by overlay */
	char path[MACHINE_PATH_SIZE];    /* of what the state was read from, or empty */
	char detail[FINDING_DETAIL_MAX]; /* what is amiss with it */
	time_t built;
	struct stamp
		stamp; /* says who built it, and when; no word of it is taken for the image's */
};

struct images {
	struct kernels kernels;
	struct image list[KERNELS_MAX];
	size_t count;
	bool denied; /* a folder of images may not be listed */
	/* What the newest kernel's image will do, or NULL where nobody knows. */
	const struct image_model *forecast;
};

/*
 * Reads them, for a host that was judged for its next boot. A machine file has none. There is one
 * forecast at a time: the next call replaces it.
 */
void images_read(struct images *images, struct host *host);

/* True if a kernel that boots next has an image that is to be built anew. */
bool images_are_stale(const struct images *images);

/* True if an image of ours was built for a kernel that boots next. */
bool images_have_ours(const struct images *images);

/* True if the image that boots next does with every device what /etc wants, as far as is known. */
bool images_are_right(const struct images *images);

/* What the image that boots next will do with a device: NULL where that is what /etc wants, or
 * where nobody knows. */
const struct model_row *images_differ(const struct images *images, size_t index);

/* The command that makes an image anew: an overlay is no generator's. */
#define IMAGE_REMEDY_SIZE (MACHINE_PATH_SIZE + NAME_SIZE + 64)
const char *image_remedy(const struct image *image, char out[IMAGE_REMEDY_SIZE]);

/* The same for the one that boots next. */
const char *images_remedy(const struct images *images, char out[IMAGE_REMEDY_SIZE]);

/* A frozen word for each state: `current`, `other-policy` and the like. */
const char *image_word(enum image_state state);

#endif
