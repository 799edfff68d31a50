/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the binder did in this boot, by the report it left, and what became of it since. */
#ifndef LASTBOOT_H
#define LASTBOOT_H

#include "host.h"

/* A line of the report that is about a device which is there now. */
struct last_row {
	enum verdict_kind verdict;
	struct text rule;   /* FILE:LINE */
	struct text detail; /* "failed: ..." and the like, or empty */
};

struct last_boot {
	bool found;          /* there is a report */
	bool policy_differs; /* it went by another policy than /etc has now */
	bool idle;           /* it changed nothing: off, a dry run, a mistake */
	bool ids_dropped;    /* an ids= of the command line or modprobe.d was left out */
	char note[64];       /* "off", "dry-run" and the like, or empty */
	struct last_row rows[DEVICE_MAX]; /* of each device of host->judged.inventory */
};

/* How a device stands to the policy. */
enum state {
	STATE_HOST,    /* the host's, and so it shall be */
	STATE_VFIO,    /* a guest's, as it shall be */
	STATE_PENDING, /* the policy changed since this boot: the next one will see to it */
	STATE_DRIFT,   /* it is not where this boot put it */
	STATE_REFUSED, /* a guard keeps it with the host */
	STATE_FOREIGN, /* a guest's, by somebody else's doing */
};

/*
 * Reads the report, below /run or where the binder leaves it before that is mounted. Its texts
 * stay until the next call.
 */
void last_boot_read(struct last_boot *last, struct host *host);

/*
 * The device the report says the firmware's framebuffer was in, or NO_DEVICE: once a DRM driver
 * has the screen, nothing else tells.
 */
size_t last_boot_picture(struct machine *machine, const struct inventory *inventory);

enum state device_state(const struct host *host, const struct last_boot *last, size_t index);
const char *state_name(enum state state);

#endif
