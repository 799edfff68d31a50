/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool rebuild_add_word(struct rebuild_step *step, const char *begin, const char *end)
{
	return step->count < REBUILD_WORDS_MAX &&
	       join(step->words[step->count++], MACHINE_PATH_SIZE, begin, end, "");
}

/* Adds a command whose words are separated by blanks; false if its program is not there. */
__attribute__((format(printf, 3, 4))) static bool
add_step(struct rebuild *rebuild, struct machine *machine, const char *how, ...)
{
	struct rebuild_step *step = &rebuild->steps[rebuild->count];
	char line[MACHINE_PATH_SIZE * 2], *rest, *word;
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(line, sizeof(line), how, arguments);
	va_end(arguments);
	step->count = 0;
	for (word = strtok_r(line, " ", &rest); word && step->count < REBUILD_WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		(void)join(step->words[step->count++], MACHINE_PATH_SIZE, word, "", "");
	if (step->words[0][0] == '/')
		(void)join(step->program, sizeof(step->program), step->words[0], "", "");
	else if (!child_find(machine, step->words[0], step->program))
		return false;
	rebuild->count++;
	return true;
}

static bool is_rpm_ostree(struct rebuild *rebuild, struct machine *machine)
{
	return machine_has(machine, "run/ostree-booted") &&
	       add_step(rebuild, machine, "rpm-ostree initramfs --enable");
}

/* Debian's dracut has an update-initramfs too, but not what its hooks are made with. */
static bool is_initramfs_tools(struct rebuild *rebuild, struct machine *machine)
{
	if (!machine_has(machine, "usr/share/initramfs-tools/hook-functions") ||
	    !add_step(rebuild, machine, "update-initramfs -u -k all"))
		return false;
	/* The copies it boots from lie on file systems of their own. */
	if (machine_has(machine, "etc/kernel/proxmox-boot-uuids"))
		(void)add_step(rebuild, machine, "proxmox-boot-tool refresh");
	return true;
}

static bool has_preset(struct machine *machine)
{
	struct dir dir;
	const char *name;
	bool found = false;
	int err;

	if (dir_open(machine, "etc/mkinitcpio.d", &dir))
		return false;
	while ((name = dir_next(&dir, &err)))
		found |= text_ends(text_of(name), ".preset");
	dir_close(&dir);
	return found;
}

static bool is_mkinitcpio(struct rebuild *rebuild, struct machine *machine)
{
	return has_preset(machine) && add_step(rebuild, machine, "mkinitcpio -P");
}

static bool is_booster(struct rebuild *rebuild, struct machine *machine)
{
	return machine_has(machine, "usr/lib/booster/regenerate_images") &&
	       add_step(rebuild, machine, "/usr/lib/booster/regenerate_images");
}

static void find_kernels(struct kernels *kernels, struct machine *machine)
{
	if (kernels_find(kernels, machine, ""))
		kernels->count = 0;
}

/* Wherever a kernel's image is now, it is written anew. Debian, Fedora, SUSE. */
static void add_dracut(struct rebuild *rebuild, struct machine *machine, const char *release)
{
	static const char *const names[][2] = { { "boot/initrd.img-", "" },
						{ "boot/initramfs-", ".img" },
						{ "boot/initrd-", "" } };
	char path[MACHINE_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!join(path, sizeof(path), names[i][0], release, names[i][1]) ||
		    !machine_has(machine, path))
			continue;
		(void)add_step(rebuild, machine, "dracut --force /%s %s", path, release);
		return;
	}
}

static bool is_dracut(struct rebuild *rebuild, struct machine *machine)
{
	static struct kernels kernels;

	find_kernels(&kernels, machine);
	for (size_t i = 0; i < kernels.count; i++)
		add_dracut(rebuild, machine, kernels.list[i].release);
	return rebuild->count > 0;
}

/* Entries of the Boot Loader Specification, and unified kernel images. */
static bool is_kernel_install(struct rebuild *rebuild, struct machine *machine)
{
	static struct kernels kernels;
	char path[MACHINE_PATH_SIZE];

	find_kernels(&kernels, machine);
	for (size_t i = 0; i < kernels.count; i++) {
		const char *release = kernels.list[i].release;

		if (join(path, sizeof(path), "usr/lib/modules/", release, "/vmlinuz") &&
		    machine_has(machine, path))
			(void)add_step(rebuild, machine, "kernel-install add %s /%s", release,
				       path);
	}
	return rebuild->count > 0;
}

void rebuild_find(struct rebuild *rebuild, struct machine *machine)
{
	static const struct {
		const char *name;
		bool (*is)(struct rebuild *rebuild, struct machine *machine);
	} generators[] = {
		{ "rpm-ostree", is_rpm_ostree }, { "initramfs-tools", is_initramfs_tools },
		{ "mkinitcpio", is_mkinitcpio }, { "booster", is_booster },
		{ "dracut", is_dracut },         { "kernel-install", is_kernel_install },
	};

	*rebuild = (struct rebuild){ 0 };
	for (size_t i = 0; !rebuild->generator && i < ARRAY_SIZE(generators); i++)
		if (generators[i].is(rebuild, machine))
			rebuild->generator = generators[i].name;
}

/* What generators call their images, and what others put beside them. */
static bool is_image_name(const char *name)
{
	static const char *const begins[] = { "initrd", "initramfs-", "booster-" };
	static const char *const others[] = { "rescue", "kdump", ".old", ".bak", ".dpkg", ".new" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strstr(name, others[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/* Unified kernel images. Other programs of the firmware's lie elsewhere. */
static bool is_uki(const char *path)
{
	const char *dir = strcasestr(path, "/efi/linux/");

	return dir && text_ends(text_of(dir), ".efi");
}

static bool is_new(struct machine *machine, const char *path, time_t since)
{
	int fd = machine_openat(machine, path, O_PATH | O_NOFOLLOW);
	struct stat st = { 0 };

	if (fd < 0)
		return false;
	(void)fstat(fd, &st);
	(void)close(fd);
	return S_ISREG(st.st_mode) && st.st_mtime >= since;
}

/* Looks in a directory, and depth levels below it. */
static void list_dir(struct rebuild_images *images, struct machine *machine, const char *at,
		     time_t since, unsigned depth)
{
	char path[MACHINE_PATH_SIZE];
	struct dir dir;
	const char *name;
	int err = dir_open(machine, at, &dir);

	images->denied |= err == -EACCES;
	if (err)
		return;
	while ((name = dir_next(&dir, &err)) && images->count < REBUILD_IMAGES_MAX) {
		if (!join(path, sizeof(path), at, "/", name))
			continue;
		if ((is_image_name(name) || is_uki(path)) && is_new(machine, path, since))
			(void)join(images->paths[images->count++], MACHINE_PATH_SIZE, path, "", "");
		else if (depth)
			list_dir(images, machine, path, since, depth - 1);
	}
	dir_close(&dir);
}

/* boot/TOKEN/RELEASE/initrd is the deepest there is; boot/efi may be one of these itself. */
void rebuild_list(struct rebuild_images *images, struct machine *machine, time_t since)
{
	images->count = 0;
	images->denied = false;
	list_dir(images, machine, "boot", since, 3);
	list_dir(images, machine, "efi", since, 2);
}
