/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernels that are installed, and which drivers each of them has. */
#ifndef KERNELS_H
#define KERNELS_H

#include "load.h"

#include <libkmod.h>

#define KERNELS_MAX 64

struct kernel {
	char release[NAME_SIZE];
	bool running;
};

struct kernels {
	struct kernel list[KERNELS_MAX]; /* by version, as strverscmp(3) orders them */
	size_t count;
};

/*
 * The directory of a kernel's modules below the machine's root, wherever a distribution has it.
 * Returns false where there is none; path is then undefined.
 */
bool kernel_dir(struct machine *machine, const char *release, char path[MACHINE_PATH_SIZE]);

/*
 * Lists lib/modules/RELEASE of the kernels that are installed: packages that build modules leave a
 * directory behind when the kernel itself is removed. Returns 0 or an error.
 */
int kernels_find(struct kernels *kernels, struct machine *machine, const char *running);

/* True if the kernel has a module of that name, even if it is built in. */
bool kernel_has(struct kmod_ctx *kmod, const char *name);

#endif
