/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of modules that the image build resolved, usr/lib/vfio-bind/plan:
 *
 *	vfio-bind-plan 1
 *	kernel RELEASE
 *	builtin NAME
 *	load FILE required|optional OPTIONS...
 *	variant DRIVER ALIAS
 *
 * What is to be loaded behind a variant line is so only where a device is given to that DRIVER:
 * see variant.h. Part of the core.
 */
#ifndef MODPLAN_H
#define MODPLAN_H

#include "text.h"

#define MODPLAN_HEADER    "vfio-bind-plan 1"
#define MODPLAN_BYTES_MAX 16384

struct module_step {
	bool builtin;        /* nothing to do: file is the module's name */
	bool variant;        /* file is a driver of that kind, options its alias */
	bool required;       /* the driver will not load without it */
	struct text file;    /* in usr/lib/vfio-bind/modules, NAME.ko */
	struct text options; /* as modprobe.d has them */
};

/* Takes the two first lines off plan. Returns false for anything else. */
bool modplan_open(struct text *plan, struct text *release);

/* Takes the next step off plan. Returns 1, 0 at the end, -1 for a line that makes no sense. */
int modplan_next(struct text *plan, struct module_step *step);

/* What a module's parameters become. */
struct module_params {
	char text[4096];
	struct text ids; /* the ids= that was left out, empty if there was none */
	bool too_long;
};

/*
 * Parameters for the module in file, as modprobe would put them: the plan's options first, then
 * NAME.x of the kernel command line. ids= is left out: it would take twins past every guard.
 */
void module_params(struct module_params *params, struct text file, struct text options,
		   struct text cmdline);

/* True if name, of a file or a word, is the module's: "-" and "_" are the same, .ko is not part. */
bool module_name_equal(struct text a, struct text b);

#endif
