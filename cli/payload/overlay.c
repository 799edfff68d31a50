/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-bind overlay: the payload as a small archive that boots behind any image. It also holds
 * what an image of systemd, dracut or initramfs-tools takes by itself for something to run.
 */
#include "base/arguments.h"
#include "base/complain.h"
#include "base/json.h"
#include "base/temp_dir.h"
#include "cpio.h"
#include "payload.h"
#include "stamp.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINDER     "/usr/lib/vfio-bind/binder"
#define UNITS_DIR  "usr/lib/systemd/system"
#define WANTS_DIR  UNITS_DIR "/sysinit.target.wants"
#define UDEV_RULES "usr/lib/udev/rules.d/79-vfio-bind.rules"
#define WAIT       " --undo=wait </dev/null >/dev/null 2>&1"
#define LOOK       "[ -d /run/systemd/system ] || " BINDER " --undo=look || :\n"

static const char *const units[] = { "vfio-bind-initrd.service", "vfio-bind-undo.service" };

/*
 * Behind lz4 the kernel wants 4 zero bytes. Behind anything it passes over as many as there are, so
 * what is in front may be of any length; behind an archive that is not compressed, where they end at
 * a multiple of 4.
 */
static const char zeros[512];

/*
 * Without the directories above them: where an image has none, the kernel leaves the file out;
 * and where it has a link in place of one, as dracut 106 has for usr/lib/dracut/hooks, a
 * directory would take that away.
 */
static const struct {
	const char *path, *text;
} loose[] = {
	/* Sourced by /init of initramfs-tools, with /sys there, before any script. */
	{ "conf/conf.d/00-vfio-bind", BINDER " || :\n" BINDER WAIT " &\n" },
	/* Where dracut has systemd, the unit was earlier. */
	{ "usr/lib/dracut/hooks/cmdline/00-vfio-bind.sh",
	  "[ -d /run/systemd/system ] || " BINDER " || :\n" },
	{ "var/lib/dracut/hooks/cmdline/00-vfio-bind.sh",
	  "[ -d /run/systemd/system ] || " BINDER " || :\n" },
	{ "usr/lib/dracut/hooks/initqueue/settled/99-vfio-bind-undo.sh", LOOK },
	{ "var/lib/dracut/hooks/initqueue/settled/99-vfio-bind-undo.sh", LOOK },
};

struct overlay {
	const char *root, *release, *file;
	struct scratch scratch;
	long long bytes;
};

static int fail(const char *what, int err)
{
	enum exit_code code = err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;

	return complain(code, "%s: %s", what, strerror(-err));
}

/* Copies a file of the host's. */
static int copy_file(struct tree *tree, struct machine *machine, const char *path)
{
	int fd = machine_openat(machine, path, O_RDONLY), err;

	if (fd < 0)
		return fd;
	err = tree_copy(tree, path, fd, 0644);
	(void)close(fd);
	return err;
}

static int copy_unit(struct tree *tree, struct machine *machine, const char *unit)
{
	char path[MACHINE_PATH_SIZE], wanted[MACHINE_PATH_SIZE], target[MACHINE_PATH_SIZE];
	int err;

	(void)join(path, sizeof(path), UNITS_DIR "/", unit, "");
	(void)join(wanted, sizeof(wanted), WANTS_DIR "/", unit, "");
	(void)join(target, sizeof(target), "../", unit, "");
	err = copy_file(tree, machine, path);
	if (err == -ENOENT) {
		warn("/%s is not there: images with systemd will not run the binder by it", path);
		return 0;
	}
	/* Any file makes the directory; the link is what counts. */
	if (!err)
		err = tree_write(tree, wanted, (struct text){ "", 0 });
	if (!err && (unlinkat(tree->dir, wanted, 0) || symlinkat(target, tree->dir, wanted)))
		err = -errno;
	return err;
}

/* Puts the units beside the payload. Returns an exit code. */
static int add_units(struct overlay *overlay)
{
	struct machine machine;
	struct tree tree;
	int err = machine_open(&machine, overlay->root);

	if (err)
		return fail(overlay->root, err);
	err = tree_open(&tree, overlay->scratch.dir);
	if (!err) {
		for (size_t i = 0; !err && i < ARRAY_SIZE(units); i++)
			err = copy_unit(&tree, &machine, units[i]);
		if (!err)
			err = copy_file(&tree, &machine, UDEV_RULES);
		if (err == -ENOENT)
			err = 0; /* then devices that come late wait for the root's udev */
		tree_close(&tree);
	}
	machine_close(&machine);
	return err ? fail(UNITS_DIR, err) : EXIT_AS_CONFIGURED;
}

static int write_overlay(struct overlay *overlay, int fd)
{
	struct cpio cpio;
	ssize_t len;
	int err;

	len = write(fd, zeros, sizeof(zeros));
	if (len != (ssize_t)sizeof(zeros))
		return len < 0 ? -errno : -ENOSPC; /* part of it is written where the disk ends */
	err = scratch_list(&overlay->scratch);
	if (!err)
		err = cpio_open(&cpio, fd);
	if (err)
		return err;
	for (size_t i = 0; i < overlay->scratch.count; i++)
		cpio_add(&cpio, overlay->scratch.dir, overlay->scratch.files[i]);
	for (size_t i = 0; i < ARRAY_SIZE(loose); i++)
		cpio_add_text(&cpio, loose[i].path, text_of(loose[i].text));
	err = cpio_close(&cpio);
	overlay->bytes = lseek(fd, 0, SEEK_END);
	return err;
}

/* In one step: what boots is a whole file, this one or the one before. */
static int write_file(struct overlay *overlay)
{
	char unfinished[MACHINE_PATH_SIZE];
	int fd, err;

	if (!join(unfinished, sizeof(unfinished), overlay->file, ".new", ""))
		return fail(overlay->file, -ENAMETOOLONG);
	/* One that is left over goes. What others put there first is never written to. */
	(void)unlink(unfinished);
	fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(unfinished, -errno);
	err = write_overlay(overlay, fd);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(unfinished, overlay->file))
		err = -errno;
	if (!err)
		return EXIT_AS_CONFIGURED;
	(void)unlink(unfinished);
	return fail(overlay->file, err);
}

static void print_made(const struct overlay *overlay, const struct options *options)
{
	struct json_object *object;

	if (!options->json) {
		(void)printf("%s: %lld bytes, for kernel %s\n"
			     "Name it as a second initrd. An image of systemd, dracut or "
			     "initramfs-tools runs it by itself;\nothers take rdinit=" BINDER
			     " on the kernel command line, in a boot entry of its own.\n",
			     overlay->file, overlay->bytes, overlay->release);
		return;
	}
	object = json_object_new_object();
	json_add_string(object, "result", exit_word(EXIT_AS_CONFIGURED));
	json_add_string(object, "file", overlay->file);
	json_add_string(object, "kernel", overlay->release);
	(void)json_object_object_add(object, "bytes", json_object_new_int64(overlay->bytes));
	json_print(object);
	(void)json_object_put(object);
}

/*
 * What lies where boot loaders look will boot: check then knows where to look. Elsewhere it is to
 * be appended, and the image it is in says so by itself.
 */
static void leave_stamp(const struct overlay *overlay)
{
	char *root = realpath(overlay->root, NULL), *file = realpath(overlay->file, NULL);
	size_t len = root && strcmp(root, "/") != 0 ? strlen(root) : 0;
	struct machine machine;

	if (root && file && !strncmp(file, root, len) &&
	    (!strncmp(file + len, "/boot/", 6) || !strncmp(file + len, "/efi/", 5))) {
		if (!machine_open(&machine, overlay->root))
			stamp_leave_overlay(&machine, overlay->release, file + len + 1);
		machine_close(&machine);
	}
	free(root);
	free(file);
}

static int take_option(void *context, int option, const char *value)
{
	struct overlay *overlay = context;

	if (option == 'k')
		overlay->release = value;
	else
		overlay->file = value;
	return -1;
}

int command_overlay(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "kernel", required_argument, NULL, 'k' },
					     { "output", required_argument, NULL, 'o' } };
	static struct overlay overlay;
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take_option,
		.context = &overlay,
		.usage = "--kernel RELEASE -o FILE",
	};
	int code = arguments_take(options, &arguments, argc, argv);
	int err;

	if (code < 0)
		code = arguments_need_machine(options, argv[0], NULL);
	if (code >= 0)
		return code;
	if (!overlay.release || !is_release(overlay.release) || !overlay.file)
		return complain(EXIT_USAGE, "usage: vfio-bind overlay %s", arguments.usage);
	overlay.root = options->root;
	err = scratch_make(&overlay.scratch);
	if (err)
		return fail(overlay.scratch.dir, err);
	code = payload_write(overlay.root, overlay.release, overlay.scratch.dir, false);
	if (code == EXIT_NOT_CONFIGURED)
		(void)complain(code, "there is no rule in /etc/vfio-bind.conf: nothing to write");
	if (code == EXIT_AS_CONFIGURED)
		code = add_units(&overlay);
	if (code == EXIT_AS_CONFIGURED)
		code = write_file(&overlay);
	scratch_remove(&overlay.scratch);
	if (code == EXIT_AS_CONFIGURED) {
		leave_stamp(&overlay);
		print_made(&overlay, options);
	}
	return code;
}
