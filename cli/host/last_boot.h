/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the binder did in this boot, according to the report it left. */
#ifndef LASTBOOT_H
#define LASTBOOT_H

#include "host.h"

/* A line of the report that is about a device which is there now. */
struct last_row {
	enum verdict_kind verdict;
	enum reason reason;
	struct text rule;   /* FILE:LINE */
	struct text detail; /* "failed: ...", the disk in use and the like, or empty */
	bool late;          /* it came after the boot's pass */
};

struct last_boot {
	bool found;          /* there is a report */
	bool policy_differs; /* it went by another policy than /etc has now */
	bool idle;           /* it changed nothing: off, a dry run, a mistake */
	bool ids_dropped;    /* an ids= of the command line or modprobe.d was left out */
	char note[64];       /* "off", "dry-run" and the like, or empty */
	struct last_row rows[DEVICE_MAX]; /* of each device of host->judged.inventory */
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

#endif
