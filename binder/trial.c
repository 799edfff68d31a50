/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trial.h"

#include "load.h"
#include "log.h"
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/magic.h and linux/fs.h, which musl-gcc does not find. */
#define EFIVARFS_MAGIC  0xde5e81e4
#define FS_IOC_GETFLAGS 0x80086601UL
#define FS_IOC_SETFLAGS 0x40086602UL
#define FS_IMMUTABLE_FL 0x10

/* Kept without power, and for an operating system to read: UEFI 2.10, 8.2. Little-endian. */
static const char attributes[4] = { 7 };

bool efivars_are_there(struct machine *machine)
{
	int fd = machine_openat(machine, EFIVARS_DIR, O_PATH | O_DIRECTORY);
	struct statfs fs = { 0 };
	bool there;

	if (fd < 0)
		return false;
	there = !machine->live || (!fstatfs(fd, &fs) && (unsigned long)fs.f_type == EFIVARFS_MAGIC);
	(void)close(fd);
	return there;
}

static int mount_efivars(void)
{
	return mount("efivarfs", "/" EFIVARS_DIR, "efivarfs", 0, NULL) ? -errno : 0;
}

/* Debian has the file system as a module, which only an image on trial holds. */
static int open_efivars(struct machine *machine, bool *ours)
{
	int err;

	*ours = false;
	if (efivars_are_there(machine))
		return 0;
	if (!machine->live || machine->confined)
		return machine_blame(machine, EFIVARS_DIR, -ENODEV);
	err = mount_efivars();
	if (err == -ENODEV && !module_load(machine, text_of(EFIVARS_MODULE ".ko"), ""))
		err = mount_efivars();
	*ours = !err;
	return err ? machine_blame(machine, EFIVARS_DIR, err) : 0;
}

void boot_id_read(struct machine *machine, char id[BOOT_ID_SIZE])
{
	char text[64];
	ssize_t len = machine_read_attribute(machine, BOOT_ID_FILE, text, sizeof(text));
	size_t digits = 0;

	for (ssize_t i = 0; i < len && digits < BOOT_ID_SIZE - 1; i++)
		if (hex_values[(unsigned char)text[i]] >= 0)
			id[digits++] = text[i];
	id[digits == BOOT_ID_SIZE - 1 ? digits : 0] = '\0';
}

int trial_read(struct machine *machine, struct trial *trial)
{
	char data[sizeof(attributes) + TRIAL_TEXT_SIZE];
	ssize_t len = machine_read(machine, TRIAL_VARIABLE, data, sizeof(data));

	if (len < 0 && len != -EFBIG)
		return (int)len;
	if (len < (ssize_t)sizeof(attributes) ||
	    memcmp(data, attributes, sizeof(attributes)) != 0 ||
	    !trial_parse(trial, (struct text){ data + sizeof(attributes),
					       (size_t)len - sizeof(attributes) }))
		return machine_blame(machine, TRIAL_VARIABLE, -EINVAL);
	return 0;
}

void trial_unlock(struct machine *machine)
{
	int fd = machine_openat(machine, TRIAL_VARIABLE, O_RDONLY | O_NONBLOCK);
	unsigned long flags = 0;

	if (fd < 0)
		return;
	if (!syscall(SYS_ioctl, fd, FS_IOC_GETFLAGS, &flags) && (flags & FS_IMMUTABLE_FL)) {
		flags &= ~(unsigned long)FS_IMMUTABLE_FL;
		(void)syscall(SYS_ioctl, fd, FS_IOC_SETFLAGS, &flags);
	}
	(void)close(fd);
}

/* In one write(2), which the firmware takes or not. A plain file keeps what was longer before. */
static int write_variable(struct machine *machine, const char *data, size_t len, bool create)
{
	int fd, err = 0;

	trial_unlock(machine);
	fd = machine_openat(machine, TRIAL_VARIABLE, create ? O_WRONLY | O_CREAT : O_WRONLY);
	if (fd < 0)
		return fd;
	if (!machine->live && ftruncate(fd, 0))
		err = -errno;
	else if (write(fd, data, len) != (ssize_t)len)
		err = errno ? -errno : -EIO;
	(void)close(fd);
	return err ? machine_blame(machine, TRIAL_VARIABLE, err) : 0;
}

int trial_write(struct machine *machine, const struct trial *trial, bool create)
{
	char data[sizeof(attributes) + TRIAL_TEXT_SIZE];
	struct trial back = { 0 };
	size_t len = trial_format(trial, data + sizeof(attributes));
	int err;

	memcpy(data, attributes, sizeof(attributes));
	errno = 0; /* of a write that is short there is no errno */
	err = write_variable(machine, data, sizeof(attributes) + len, create);
	if (!err)
		err = trial_read(machine, &back);
	if (!err && (back.boots != trial->boots || strcmp(back.policy, trial->policy) != 0 ||
		     strcmp(back.boot, trial->boot) != 0))
		err = machine_blame(machine, TRIAL_VARIABLE, -EIO);
	return err;
}

/* Returns TRIAL_NONE or TRIAL_FAILED, TRIAL_COUNTED once that is written, or an error. */
static int count(struct machine *machine, const struct trial *own, bool dry_run,
		 struct trial *trial)
{
	char boot[BOOT_ID_SIZE];
	int err = trial_read(machine, trial);

	if (err)
		return err == -ENOENT ? TRIAL_NONE : err;
	/* Of another update's trial, or made up. */
	if (strcmp(own->policy, trial->policy) != 0 || trial->boots > own->boots)
		return machine_blame(machine, TRIAL_VARIABLE, -EINVAL);
	boot_id_read(machine, boot);
	if (boot[0] && !strcmp(boot, trial->boot)) /* an image may call us twice */
		return TRIAL_COUNTED;
	if (!trial->boots)
		return TRIAL_FAILED;
	if (dry_run)
		return TRIAL_COUNTED;
	trial->boots--;
	memcpy(trial->boot, boot, sizeof(boot));
	err = trial_write(machine, trial, false);
	return err ? err : TRIAL_COUNTED;
}

enum trial_end trial_count(struct machine *machine, bool dry_run, struct trial *trial)
{
	char text[TRIAL_TEXT_SIZE];
	ssize_t len = machine_read(machine, TRIAL_FILE, text, sizeof(text));
	struct trial own;
	bool ours = false;
	int end = len < 0 ? (int)len : 0;

	if (end == -ENOENT)
		return TRIAL_NONE;
	if (!end && !trial_parse(&own, (struct text){ text, (size_t)len }))
		end = machine_blame(machine, TRIAL_FILE, -EINVAL);
	if (!end)
		end = open_efivars(machine, &ours);
	if (!end) {
		(void)machine_blame(machine, TRIAL_VARIABLE, 0); /* should the firmware hang */
		end = count(machine, &own, dry_run, trial);
	}
	if (ours)
		(void)umount2("/" EFIVARS_DIR, MNT_DETACH);
	if (end == TRIAL_COUNTED)
		log_line(LEVEL_INFO, "on trial: %u boot%s left", trial->boots,
			 trial->boots == 1 ? "" : "s");
	if (end == TRIAL_FAILED)
		log_line(LEVEL_ERROR, "nothing bound: the trial failed, no boot of it is left: "
				      "vfio-bind update ends it");
	if (end >= 0)
		return (enum trial_end)end;
	log_line(LEVEL_ERROR, "nothing bound: on trial, and its boots cannot be counted: /%s: %s",
		 machine->failed, error_name(end));
	return TRIAL_UNKNOWN;
}
