/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done about a judgement and what comes of it, in memory that the child which works and
 * the parent which watches it share: when the child hangs, the parent still tells what became of
 * every device.
 */
#ifndef BOOT_H
#define BOOT_H

#include "judgement.h"
#include "trial_text.h"

#include <sys/types.h>

/* Where the work is, for the message if it ends there. */
enum step {
	STEP_READ,
	STEP_GIVE_BACK,
	STEP_OVERRIDE,
	STEP_TUNE,
	STEP_UNBIND,
	STEP_LOAD,
	STEP_BIND,
	STEP_DONE,
};

/* A process that does what may hang. */
struct child {
	pid_t pid;  /* 0: there is none */
	int alive;  /* the end of a pipe that the child holds the other one of */
	bool ended; /* it has been seen to */
};

/* What became of one device that was to be bound. */
struct outcome {
	enum step step;  /* it is at that, or that went wrong, if err */
	int err;         /* negative errno */
	bool hung;       /* the step did not return */
	bool seen_to;    /* the child for it came to its end */
	bool died;       /* it did not, and is gone */
	bool given_back; /* the host has it again, though it was never to lose it */
	bool overridden; /* the override is ours */
	bool tuned;      /* what its rule asks was written, but for these: */
	int d3cold_err, reset_err;
	unsigned reset_missing;  /* bits for the names of reset= that it does not have */
	bool read_back;          /* after is what the driver link says */
	char after[DRIVER_SIZE]; /* the driver that has it, empty for none */
	struct child child;      /* what takes it from another driver and binds it */
};

/* A driver that is to be bound to. */
struct sought_driver {
	struct text asked;      /* as the rule or the plan of modules spells it */
	bool there;             /* once modules are loaded */
	char name[DRIVER_SIZE]; /* there, under /sys/bus/pci/drivers; empty where it is as asked */
};

#define OVERRIDE_GATE_SIZE 128

struct boot {
	struct judgement *judged;
	struct outcome outcomes[DEVICE_MAX];
	enum step step;
	size_t device; /* the device the step is at, or NO_DEVICE */
	bool decided;  /* the plan is complete */
	bool ended;    /* work returned, and status is what it returned */
	int status;
	int64_t deadline_ms; /* when the watching parent leaves, by supervise.c's clock */
	bool dry_run;
	bool locked_out;     /* is_late: another such pass has the lock */
	bool is_late;        /* the pass is for one device that came after the boot's */
	struct address late; /* is_late: that device */
	bool not_given_back; /* a device the host is to have stays with a guest's driver */
	bool gate_read;      /* it was asked for once a driver had not got a device: */
	char gate[OVERRIDE_GATE_SIZE]; /* what would lift the kernel's refusal, or empty */
	bool ids_dropped;              /* an ids= was left out of a module's parameters */
	bool counts;                   /* it asks the firmware how a trial stands */
	struct trial trial;            /* with its policy named: what is left behind this boot */
	size_t waiting;                /* devices that have to be taken or bound yet */
	struct sought_driver drivers[POLICY_RULES_MAX]; /* those that devices are to have */
	size_t driver_count;
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
