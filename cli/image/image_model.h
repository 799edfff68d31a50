/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image will do on this machine: its own policy, protect and command line, judged by the
 * same decide() as at boot, beside what /etc wants here. Whoever says what a boot will do asks it.
 */
#ifndef IMAGE_MODEL_H
#define IMAGE_MODEL_H

#include "host/host.h"
#include "image_parts.h"

#define MODEL_DETAIL_SIZE 768

/* What the image will do with one function, and what /etc wants. */
struct model_row {
	struct address address;
	struct verdict done,
		wanted;           /* a rule's index counts in the image's policy, and in /etc's */
	char driver[DRIVER_SIZE]; /* who gets it, where done is VERDICT_BIND and the image has it */
	bool refused, vain; /* by the driver: it has no IOMMU group; nor will another image help */
	bool differs;       /* done is not what is wanted */
};

struct image_model {
	enum finding_kind kind;
	char detail[MODEL_DETAIL_SIZE];    /* each function that is not as /etc wants it, and why */
	enum finding_kind functions;       /* the same without what the command line says */
	char words[256];                   /* that alone, or empty */
	bool known;                        /* it was judged: the rows say what it will do */
	bool same_policy;                  /* it has the policy of /etc, byte for byte */
	bool off;                          /* a word of the command line has it do nothing */
	struct model_row rows[DEVICE_MAX]; /* in the order of the host's inventory */
	size_t count;
};

/*
 * Judges an image, whose file is at path, for a host that was judged for its next boot by /etc, or
 * for NULL: a machine that cannot be looked at.
 */
void image_model(struct image_model *model, const struct image_parts *parts, const char *path,
		 const struct host *host);

/* How many functions the image binds. */
size_t image_model_bound(const struct image_model *model);

#endif
