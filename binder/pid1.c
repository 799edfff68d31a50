/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pid1.h"

#include "cmdline.h"
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct mount_point {
	const char *path, *type;
	bool ours;
} mount_points[] = {
	{ "/proc", "proc", false },
	{ "/sys", "sysfs", false },
	{ "/dev", "devtmpfs", false },
};

/* Where the next init may be, after what rd.vfio_bind.init= says. */
static const char *const inits[] = {
	"/init.vfio-bind-next",
	"/usr/lib/booster/init",
	"/init",
	"/sbin/init",
};

static bool is_mounted(const char *path)
{
	struct stat root, point;

	return !stat("/", &root) && !stat(path, &point) && root.st_dev != point.st_dev;
}

static bool is_self(const char *path)
{
	struct stat self, other;

	return !stat("/proc/self/exe", &self) && !stat(path, &other) &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

/* The value of rd.vfio_bind.init=, or an empty path. */
static void read_named_init(char *path, size_t size)
{
	static char cmdline[CMDLINE_SIZE];
	struct machine machine;
	struct words words;
	ssize_t len;

	path[0] = '\0';
	if (machine_open(&machine, "/") && machine.root < 0)
		return; /* nothing else of it matters here */
	len = load_cmdline(&machine, cmdline, sizeof(cmdline));
	machine_close(&machine);
	if (len < 0)
		return;
	cmdline_read((struct text){ cmdline, (size_t)len }, &words);
	if (words.init.len)
		(void)text_copy(words.init, path, size);
}

void pid1(char *argv[], void (*work)(void))
{
	static const char failed[] = "<3>vfio-bind: there is no other init to go on with\n";
	const char *found[ARRAY_SIZE(inits) + 1];
	char named[MACHINE_PATH_SIZE];
	size_t count;
	int kmsg;

	for (size_t i = 0; i < ARRAY_SIZE(mount_points); i++) {
		struct mount_point *point = &mount_points[i];

		if (is_mounted(point->path))
			continue;
		(void)mkdir(point->path, 0755);
		point->ours = !mount(point->type, point->path, point->type, 0, NULL);
	}
	work();
	read_named_init(named, sizeof(named));
	/* What /proc/self/exe is for is_self() to say while there still is a /proc. */
	count = 0;
	if (named[0] && !is_self(named))
		found[count++] = named;
	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (!access(inits[i], X_OK) && !is_self(inits[i]))
			found[count++] = inits[i];
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC); /* while there is a /dev */
	/* An init that mounts them itself may take EBUSY for a reason to stop, as booster's does. */
	for (size_t i = 0; i < ARRAY_SIZE(mount_points); i++)
		if (mount_points[i].ours)
			(void)umount2(mount_points[i].path, MNT_DETACH);
	for (size_t i = 0; i < count; i++) {
		argv[0] = (char *)(uintptr_t)found[i];
		(void)execve(found[i], argv, environ);
	}
	(void)!write(kmsg, failed, sizeof(failed) - 1);
}
