/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the binder did in this boot, by the report it left, and what became of it since. */
#ifndef LASTBOOT_H
#define LASTBOOT_H

#include "host.h"

struct last_boot {
	bool found;          /* there is a report */
	bool policy_differs; /* it went by another policy than /etc has now */
	char note[64];       /* "off", "dry-run" and the like, or empty */
	/* Of each device of host->boot.inventory: */
	enum verdict_kind verdicts[DEVICE_MAX];
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

/* Reads the report, below /run or where the binder leaves it before that is mounted. */
void last_boot_read(struct last_boot *last, struct host *host);

enum state device_state(const struct host *host, const struct last_boot *last, size_t index);
const char *state_name(enum state state);

#endif
