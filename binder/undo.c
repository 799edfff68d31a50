/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "undo.h"

#include "busy.h"
#include "late.h"
#include "lines.h"
#include "load.h"
#include "log.h"
#include "out.h"
#include "release.h"
#include "report.h"
#include "supervise.h"
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* linux/include/uapi/linux/magic.h */
#define RAMFS_MAGIC 0x858458f6
#define TMPFS_MAGIC 0x01021994

/* Generators look once a second. Where it took longer, something else was done in between. */
#define GAP_SECONDS 15

/* What is left in the one folder or the other. */
static const struct place {
	const char *report, *undone, *waiting;
} places[] = {
	{ RUN_DIR REPORT_NAME, RUN_DIR "/undone", RUN_DIR "/waiting" },
	{ DEV_DIR REPORT_NAME, DEV_DIR "/undone", DEV_DIR "/waiting" },
};

static struct lines lines;
static struct out out;

/* The one with a report, or NULL. */
static const struct place *find_place(struct machine *machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (machine_has(machine, places[i].report))
			return &places[i];
	return NULL;
}

/*
 * 1 for a line about a function that a root device may need, which was to be bound, 0 for another,
 * or the error because of which that is not known.
 */
static int is_ours(struct machine *machine, struct text line, struct address *address)
{
	struct device device;
	int err;

	if (!parse_bound(line, address))
		return 0;
	err = class_read(machine, *address, &device);
	if (err)
		return pci_exists(machine, *address, "uevent") ? err : 0;
	return device_has_base_class(&device, CLASS_BASE_STORAGE) ||
	       device_has_base_class(&device, CLASS_BASE_NETWORK);
}

/* Does it, and writes the line as it is from now on: with another driver, and why. */
static int undo_line(struct machine *machine, struct text line, struct address address)
{
	char driver[DRIVER_SIZE], name[ADDRESS_SIZE];
	struct text rest = line, fields[7] = { 0 };
	int err = release_quietly(machine, address);

	if (driver_read(machine, address, driver))
		(void)join(driver, DRIVER_SIZE, "?", "", "");
	/* The driver may not be loaded yet: after an event of its own udev asks for it once more. */
	if (err >= 0 && !driver[0])
		(void)pci_write(machine, address, "uevent", "add");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		(void)text_cut(&rest, '\t', &fields[i]);
	(void)address_format(address, name);
	log_line(LEVEL_ERROR, "%s %s%s, as the root device is missing (%.*s)", name,
		 err < 0 ? "not given back to the host: " : "undone: given back to the host",
		 err < 0 ? error_name(err) : "", (int)fields[3].len, fields[3].at);
	if (!fields[5].at)
		fields[5].at = line.at + line.len;
	out_text(&out, (struct text){ line.at, (size_t)(fields[5].at - line.at) });
	out_format(&out, "%s\t%s%s%s", driver[0] ? driver : "-",
		   err < 0 ? "not undone: " : "undone: the root device was missing",
		   err < 0 ? error_name(err) : "", fields[6].len ? "; " : "");
	out_text(&out, fields[6]);
	return err < 0 ? err : 0;
}

/* From one report to another; give: and what it names is given back. Returns the first error. */
static int rewrite(struct machine *machine, const char *from, const char *to, bool give)
{
	struct address address;
	struct text line;
	int err = lines_open(&lines, machine, from), failed = 0;

	if (err)
		return err;
	out_create(&out, machine, to, "");
	while (lines_next(&lines, &line, &err)) {
		int one = give ? is_ours(machine, line, &address) : 0;

		/* Whether or not the report can be written. */
		if (one > 0)
			one = undo_line(machine, line, address);
		else
			out_text(&out, line);
		out_format(&out, "\n");
		failed = failed ? failed : one;
	}
	lines_close(&lines);
	err = out_commit(&out, err);
	return failed ? failed : err;
}

/*
 * True unless the report names nothing that could be given back; give: and all that it names is. One
 * that cannot be read may name something: an init that mounts a /run of its own moves it.
 */
static bool walk(struct machine *machine, const struct place *place, bool give)
{
	struct address address;
	struct text line;
	bool found = false;
	int err;

	if (lines_open(&lines, machine, place->report))
		return true;
	while (lines_next(&lines, &line, &err)) {
		int ours = is_ours(machine, line, &address);

		found |= ours != 0;
		if (give && ours > 0)
			(void)release_quietly(machine, address);
	}
	lines_close(&lines);
	return found;
}

int undo_now(struct machine *machine)
{
	const struct place *place = find_place(machine);
	int fd, err;

	if (!place) {
		log_line(LEVEL_ERROR, "no report of what was bound");
		return -ENOENT;
	}
	/* One that takes longer than its time limit hangs, and may have the lock for ever. */
	for (int i = 0; i < TIME_LIMIT_MS / 1000 && late_lock(machine, false) == -EAGAIN; i++)
		(void)poll(NULL, 0, 1000);
	/* The file says that it was done. Who makes it does it; where none can be made, all do. */
	fd = machine_openat(machine, place->undone, O_WRONLY | O_CREAT | O_EXCL);
	if (fd == -EEXIST)
		return 0;
	if (fd >= 0)
		(void)close(fd);
	/* Twice: nobody is there to try again what failed by chance. The second time tells. */
	(void)walk(machine, place, true);
	err = rewrite(machine, place->report, place->report, true);
	if (place == &places[0] && machine_has(machine, places[1].report))
		(void)rewrite(machine, place->report, places[1].report, false);
	return err;
}

/* Seconds since the machine was started. A test may set them. */
static bool read_uptime(struct machine *machine, uint32_t *seconds)
{
	char text[64];
	ssize_t len = machine_read(machine, "proc/uptime", text, sizeof(text));
	struct text rest = { text, len > 0 ? (size_t)len : 0 }, whole;

	return text_cut(&rest, '.', &whole) && text_number(whole, UINT32_MAX, seconds);
}

/* When the wait began, and when the last look was: kept in a file, for each may be a process. */
static bool read_wait(struct machine *machine, const char *path, uint32_t *began, uint32_t *last)
{
	char text[64];
	ssize_t len = machine_read(machine, path, text, sizeof(text));
	struct text rest = { text, len > 0 ? (size_t)len : 0 }, first;

	return text_cut(&rest, ' ', &first) && text_number(first, UINT32_MAX, began) &&
	       text_number(rest, UINT32_MAX, last);
}

bool undo_look(struct machine *machine, uint32_t seconds)
{
	const struct place *place = find_place(machine);
	uint32_t now, began, last;

	if (!seconds || !place || machine_has(machine, place->undone) ||
	    !walk(machine, place, false))
		return false;
	if (!read_uptime(machine, &now))
		return true;
	/* A clock that went back is no clock to go by: the difference is then a great one. */
	if (!read_wait(machine, place->waiting, &began, &last) || now - last > GAP_SECONDS ||
	    somebody_is_busy(machine))
		began = now;
	out_create(&out, machine, place->waiting, "");
	out_format(&out, "%u %u", began, now);
	(void)out_commit(&out, 0);
	if (now - began < seconds)
		return true;
	/* Where /run was moved away in this very moment, the report in /dev is there to go by. */
	return undo_now(machine) == -ENOENT;
}

/*
 * Process 1 has another root than we were started in, or there is one in the generators' place for
 * it, with its /usr, which may be another file system. /proc is handed on to the real root: where it
 * is gone, that is what has happened.
 */
static bool root_is_there(struct machine *machine)
{
	static const char *const programs[] = { "sysroot/usr/bin", "root/usr/bin",
						"new_root/usr/bin", "newroot/usr/bin",
						"booster.root/usr/bin" };
	int init = machine_openat(machine, "proc/1/root", O_PATH | O_DIRECTORY);
	struct stat ours, its, other;
	bool there = fstat(init, &its) || fstat(machine->root, &ours) ||
		     its.st_dev != ours.st_dev || its.st_ino != ours.st_ino;

	for (size_t i = 0; !there && i < ARRAY_SIZE(programs); i++)
		there = !fstatat(init, programs[i], &other, 0) && other.st_dev != its.st_dev;
	if (init >= 0)
		(void)close(init);
	return there;
}

void undo_wait(struct machine *machine, uint32_t seconds)
{
	while (!root_is_there(machine) && undo_look(machine, seconds))
		(void)sleep(1);
}

/* Where the kernel unpacks an initramfs to: linux/init/do_mounts.c:init_rootfs */
static bool is_initramfs(const struct machine *machine)
{
	struct statfs fs;

	return !fstatfs(machine->root, &fs) &&
	       ((unsigned long)fs.f_type == RAMFS_MAGIC || fs.f_type == TMPFS_MAGIC);
}

void undo_start(struct machine *machine, const struct words *words)
{
	const struct place *place = find_place(machine);
	int ends[2];
	char byte;
	pid_t pid;

	if (!words->undo || !words->root || !place || !walk(machine, place, false) ||
	    !is_initramfs(machine) || pipe2(ends, O_CLOEXEC))
		return;
	pid = fork();
	if (!pid) {
		/*
		 * In a mount namespace of its own, /proc, /sys and /dev stay where they are
		 * whatever the next init does, and /proc/1/root tells when it has gone on to the
		 * real root: then there is nothing more to do. So this never outlives the initramfs
		 * by more than a second.
		 */
		(void)close(ends[0]);
		if (unshare(CLONE_NEWNS))
			_exit(0);
		(void)close(ends[1]);
		while (!root_is_there(machine) &&
		       (console_is_silent(machine) || undo_look(machine, words->undo)))
			(void)sleep(1);
		_exit(0);
	}
	(void)close(ends[1]);
	if (pid > 0) /* nothing is unmounted before it has mounts of its own */
		(void)!read(ends[0], &byte, 1);
	(void)close(ends[0]);
}
