/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What modprobe would do on the machine that boots: the modules of the wanted drivers, their
 * dependencies and soft dependencies in order, by libkmod's own walk.
 */
#ifndef MODULEPLAN_H
#define MODULEPLAN_H

#include "device.h"
#include "machine.h"

#include <libkmod.h>
#include <stdio.h>

#define PLAN_MODULES_MAX  256
#define PLAN_VARIANTS_MAX 32

struct planned_module {
	struct kmod_module *module;
	const char *asked; /* for a wanted driver its name, which may be an alias with options */
	bool builtin;
	bool required;       /* a wanted driver will not load without it */
	bool left_out;       /* modprobe.d says never to load it */
	const char *variant; /* only where a device is given to that one, or NULL */
};

struct moduleplan {
	struct kmod_ctx *kmod;
	const char *release;
	size_t options_of_files; /* of kmod's list of options; what follows is the build host's */
	struct planned_module modules[PLAN_MODULES_MAX];
	size_t count;
	bool full;     /* there were more than the table holds */
	char *aliases; /* of all variants of the kernel: see kernel_variants() */
	char variants[PLAN_VARIANTS_MAX][DRIVER_SIZE]; /* those that driver=auto may choose */
	size_t variant_count;
	const char *adding; /* the variant that modules are added for, or NULL */
};

/*
 * Reads lib/modules/RELEASE and modprobe.d below the machine's root. A kernel without modules
 * is no error. Returns 0 or a negative errno. Close it with moduleplan_close().
 */
int moduleplan_open(struct moduleplan *plan, struct machine *machine, const char *release);
void moduleplan_close(struct moduleplan *plan);

/* Adds what a driver needs. Warns if the kernel lacks it, or modprobe.d says something else. */
void moduleplan_add(struct moduleplan *plan, const char *driver);

/* Adds a module that no rule names as a driver, and what it needs. Returns false if the kernel lacks it. */
bool moduleplan_add_module(struct moduleplan *plan, const char *name);

/*
 * Adds for driver=auto the variants that a function of the machine could get, or all there are
 * where inventory is NULL, with what each needs.
 */
void moduleplan_add_variants(struct moduleplan *plan, struct machine *machine,
			     const struct inventory *inventory);

/* True for vfio-pci, pci-stub, and what has an alias as variants of that kernel have. */
bool moduleplan_proves(const struct moduleplan *plan, const char *driver);

/* True if one that is stored under the same name stands before it. */
bool moduleplan_repeats(const struct moduleplan *plan, size_t index);

/* The text of usr/lib/vfio-bind/plan: see modplan.h. */
void moduleplan_write(const struct moduleplan *plan, FILE *out);

/* The name a module is stored by: that of its file, without what says how it is compressed. */
bool planned_file(const struct planned_module *planned, char *out, size_t size);

#endif
