/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder that path is in. */
static void folder_of(const char *path, char dir[MACHINE_PATH_SIZE])
{
	size_t len = (size_t)(strrchr(path, '/') - path);

	memcpy(dir, path, len);
	dir[len] = '\0';
}

static int write_out(struct machine *machine, const char *path, struct text text, mode_t mode)
{
	int fd = machine_create(machine, path), err = 0;

	if (fd < 0)
		return fd;
	errno = 0;
	if (write(fd, text.at, text.len) != (ssize_t)text.len || fchmod(fd, mode) || fsync(fd))
		err = machine_blame(machine, path, errno ? -errno : -EIO);
	(void)close(fd);
	return err ? err : machine_commit(machine, path);
}

int state_write(struct machine *machine, const char *path, struct text text, mode_t mode)
{
	char unfinished[MACHINE_PATH_SIZE], dir[MACHINE_PATH_SIZE];
	int err = 0, fd;

	if (!join(unfinished, sizeof(unfinished), path, ".new", ""))
		return -ENAMETOOLONG;
	for (const char *slash = path; !err && (slash = strchr(slash, '/')); slash++) {
		memcpy(dir, path, (size_t)(slash - path));
		dir[slash - path] = '\0';
		err = machine_mkdir(machine, dir);
	}
	if (err)
		return machine_blame(machine, dir, err);
	err = write_out(machine, path, text, mode);
	if (err) {
		(void)state_remove(machine, unfinished);
		return machine_blame(machine, path, err);
	}
	folder_of(path, dir); /* the rename is there for good once its folder is */
	fd = machine_openat(machine, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (fsync(fd))
		err = -errno;
	(void)close(fd);
	return err;
}

int state_remove(struct machine *machine, const char *path)
{
	char dir[MACHINE_PATH_SIZE];
	int fd, err = 0;

	folder_of(path, dir);
	fd = machine_openat(machine, dir, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (unlinkat(fd, path + strlen(dir) + 1, 0) && errno != ENOENT)
		err = machine_blame(machine, path, -errno);
	(void)close(fd);
	return err;
}

time_t state_time(struct machine *machine, const char *path)
{
	int fd = machine_openat(machine, path, O_PATH);
	struct stat st = { 0 };

	if (fd >= 0) {
		(void)fstat(fd, &st);
		(void)close(fd);
	}
	return st.st_mtime;
}
