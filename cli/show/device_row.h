/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device as list, status, check and graph show it: values only, each computed here and nowhere
 * else. What they are in words and in JSON is in row_output.h.
 */
#ifndef DEVICE_ROW_H
#define DEVICE_ROW_H

#include "host/disk_info.h"
#include "host/host.h"
#include "host/last_boot.h"
#include "host/trial_state.h"
#include "host_notes.h"
#include "image/images.h"
#include "takers.h"

/* How a device stands to the policy. */
enum device_state {
	STATE_HOST,    /* the host's, and so it shall be */
	STATE_VFIO,    /* a guest's, as it shall be */
	STATE_PENDING, /* the policy changed since this boot: the next one will see to it */
	STATE_DRIFT,   /* it is not where this boot put it */
	STATE_REFUSED, /* a guard keeps it with the host, or kept it there in this boot */
	STATE_FOREIGN, /* a guest's, by somebody else's doing */
	DEVICE_STATES,
};

/* What is read of a machine for the rows of its devices. */
struct view {
	struct host *host;
	struct last_boot last;
	struct host_notes notes;
	struct disk_list disks;
	/* The which-th of how many devices with its id, in address order; both 0 for one alone. */
	uint16_t twin[DEVICE_MAX], twins[DEVICE_MAX];
	struct images images;
	struct trial_state trial;
	struct takers takers;
};

#define NEXT_LATE "late"

struct device_row {
	struct view *view;
	size_t index; /* of the device in the inventory */
	const struct device *device;
	const struct slot *slot;           /* or NULL */
	uint16_t twin, twins;              /* the which-th of how many, or 0 */
	const struct disk_info *only_disk; /* NULL for several disks, or none */

	enum device_state state;
	enum reason refusal;  /* STATE_REFUSED: the guard, or REASON_NONE for one nobody knows */
	bool refused_by_boot; /* STATE_REFUSED: in this boot, not by the plan */
	struct text failure;  /* STATE_DRIFT: "failed: STEP", or empty */
	const struct last_row *boot; /* what this boot did with it, or NULL */

	struct verdict verdict;  /* of the plan for the next boot */
	const struct rule *rule; /* that the verdict names, or NULL */
	size_t leader;           /* the device it goes along with, or NO_DEVICE */
	struct text driver;      /* who has it now; empty for nobody */
	/* What the image will do otherwise than /etc wants, or NULL. */
	const struct model_row *image;
	bool no_group; /* the driver that it is to have will not take it, for it has no IOMMU group */
	/* After the next boot: a driver, NEXT_LATE, or empty for none or where it is not known. */
	struct text driver_next;
};

/*
 * Looks at the machine, judged as the next boot will judge it. Returns NULL with *code set to an
 * exit code if it cannot be read. There is one at a time; free it with view_free().
 */
struct view *view_read(const struct options *options, int *code);
void view_free(struct view *view);

/* A view of what the host, its images and a trial hold alone, without a look at boots and disks. */
struct view *view_of_plan(struct host *host);

void device_row(struct view *view, size_t index, struct device_row *row);

/* True if the next boot goes by the image of an older policy, or by none of ours. */
bool view_needs_image(const struct view *view);

/*
 * Memory controllers, bridges, the likes of timers, sensors, and what AMD has on every die: nobody
 * gives those to a guest.
 */
bool is_chipset(const struct device *device);

/* The IOMMU group, or GROUP_NONE. */
int32_t device_group(const struct device *device);

#endif
