/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What modprobe would do on the machine that boots: the modules of the wanted drivers, their
 * dependencies and soft dependencies in order, by libkmod's own walk.
 */
#ifndef MODULEPLAN_H
#define MODULEPLAN_H

#include "machine.h"

#include <libkmod.h>
#include <stdio.h>

#define PLAN_MODULES_MAX 256

struct planned_module {
	struct kmod_module *module;
	const char *asked; /* for a wanted driver its name, which may be an alias with options */
	bool builtin;
	bool required; /* a wanted driver will not load without it */
	bool left_out; /* modprobe.d says never to load it */
};

struct moduleplan {
	struct kmod_ctx *kmod;
	const char *release;
	size_t options_of_files; /* of kmod's list of options; what follows is the build host's */
	struct planned_module modules[PLAN_MODULES_MAX];
	size_t count;
	bool full; /* there were more than the table holds */
};

/*
 * Reads lib/modules/RELEASE and modprobe.d below the machine's root. A kernel without modules
 * is no error. Returns 0 or a negative errno. Close it with moduleplan_close().
 */
int moduleplan_open(struct moduleplan *plan, struct machine *machine, const char *release);
void moduleplan_close(struct moduleplan *plan);

/* Adds what a driver needs. Warns if the kernel lacks it, or modprobe.d says something else. */
void moduleplan_add(struct moduleplan *plan, const char *driver);

/* The text of usr/lib/vfio-bind/plan: see modplan.h. */
void moduleplan_write(const struct moduleplan *plan, FILE *out);

/* The name a module is stored by: that of its file, without what says how it is compressed. */
bool planned_file(const struct planned_module *planned, char *out, size_t size);

#endif
