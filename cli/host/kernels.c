/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * NixOS has no lib/modules. The system that runs, the one that was switched to since, and the one
 * that boots next may have a kernel each (nixpkgs/nixos/modules/system/activation/top-level.nix).
 */
static const char *const places[] = {
	"lib/modules/",
	"usr/lib/modules/",
	"run/booted-system/kernel-modules/lib/modules/",
	"run/current-system/kernel-modules/lib/modules/",
	"nix/var/nix/profiles/system/kernel-modules/lib/modules/",
};

bool kernel_dir(struct machine *machine, const char *release, char path[MACHINE_PATH_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (join(path, MACHINE_PATH_SIZE, places[i], release, "") &&
		    machine_has(machine, path))
			return true;
	return false;
}

/* modules.builtin is part of every kernel's package, and depmod(8) does not write it. */
static bool is_installed(struct machine *machine, const char *dir, const char *release)
{
	static const char *const marks[] = { "/modules.builtin", "/vmlinuz" };
	char path[MACHINE_PATH_SIZE], mark[NAME_SIZE + 32];

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (join(mark, sizeof(mark), release, marks[i], "") &&
		    join(path, sizeof(path), dir, mark, "") && machine_exists(machine, path) == 1)
			return true;
	return false;
}

static bool is_listed(const struct kernels *kernels, const char *release)
{
	for (size_t i = 0; i < kernels->count; i++)
		if (!strcmp(kernels->list[i].release, release))
			return true;
	return false;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(((const struct kernel *)a)->release, ((const struct kernel *)b)->release);
}

static int list(struct kernels *kernels, struct machine *machine, const char *dir_path,
		const char *running)
{
	struct dir dir;
	const char *name;
	int err = dir_open(machine, dir_path, &dir);

	if (err)
		return err;
	while (kernels->count < KERNELS_MAX && (name = dir_next(&dir, &err))) {
		struct kernel *kernel = &kernels->list[kernels->count];

		if (is_listed(kernels, name) ||
		    !join(kernel->release, sizeof(kernel->release), name, "", "") ||
		    !is_installed(machine, dir_path, name))
			continue;
		kernel->running = !strcmp(name, running);
		kernels->count++;
	}
	dir_close(&dir);
	return err;
}

int kernels_find(struct kernels *kernels, struct machine *machine, const char *running)
{
	int first = 0;

	kernels->count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int err = list(kernels, machine, places[i], running);

		if (!first && err != -ENOENT)
			first = err;
	}
	qsort(kernels->list, kernels->count, sizeof(*kernels->list), by_version);
	return first;
}

bool kernel_has(struct kmod_ctx *kmod, const char *name)
{
	struct kmod_list *found = NULL, *item;
	bool has = false;

	if (kmod_module_new_from_lookup(kmod, name, &found) < 0)
		return false;
	kmod_list_foreach(item, found)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		/* By the kernel's own index: libkmod would ask what is loaded here first. */
		has |= kmod_module_get_path(module) ||
		       kmod_module_get_initstate(module) == KMOD_MODULE_BUILTIN;
		(void)kmod_module_unref(module);
	}
	(void)kmod_module_unref_list(found);
	return has;
}
