/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One judgement of a machine: what was read of it, its policy, and the verdict on every device.
 * A boot acts on it; the reading commands of the host program show it.
 */
#ifndef JUDGEMENT_H
#define JUDGEMENT_H

#include "decide.h"
#include "disks.h"
#include "load.h"
#include "machine.h"
#include "modplan.h"

#define CMDLINE_SIZE 16384

struct judgement {
	struct machine machine;
	struct words words;
	struct policy_text policy_text;
	struct policy policy;
	struct protect protect;
	struct inventory inventory;
	struct plan plan;
	struct wants wants;
	struct claims claims;
	struct diag diag;
	char cmdline[CMDLINE_SIZE];
	char modplan[MODPLAN_BYTES_MAX];
	struct text steps;   /* of the plan of modules; empty where no_plan says why */
	const char *no_plan; /* what is wrong with it, or NULL */
	size_t only; /* as the decision's: 0, or the number of the device that has come late */
};

#endif
