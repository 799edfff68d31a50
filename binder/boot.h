/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done about a judgement and what comes of it, in memory that the child which works and
 * the parent which watches it share: when the child hangs, the parent still tells what became of
 * every device.
 */
#ifndef BOOT_H
#define BOOT_H

#include "judgement.h"

/* Where the work is, for the message if it ends there. */
enum step {
	STEP_READ,
	STEP_OVERRIDE,
	STEP_UNBIND,
	STEP_LOAD,
	STEP_BIND,
	STEP_DONE,
};

/* What became of one device that was to be bound. */
struct outcome {
	enum step failed;        /* the step that went wrong, if err */
	int err;                 /* negative errno */
	bool hung;               /* the step did not return */
	bool read_back;          /* after is what the driver link says */
	char after[DRIVER_SIZE]; /* the driver that has it, empty for none */
};

struct boot {
	struct judgement *judged;
	struct outcome outcomes[DEVICE_MAX];
	enum step step;
	size_t device; /* the device the step is at, or NO_DEVICE */
	bool decided;  /* the plan is complete */
	bool dry_run;
	bool ids_dropped; /* an ids= was left out of a module's parameters */
	/* Loads the drivers that are to be bound to: the binder by its plan, a host by libkmod. */
	void (*load_modules)(struct boot *boot);
};

/* Notes where the work is. */
static inline void boot_at(struct boot *boot, enum step step, size_t device)
{
	boot->step = step;
	boot->device = device;
}

const char *step_name(enum step step);

#endif
