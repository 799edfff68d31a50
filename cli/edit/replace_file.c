/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replace_file.h"

#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRIES    100 /* 20 ms apart */
#define NO_OWNER ((uid_t)-1)

/* Where the file really is. */
struct place {
	int dir;
	char name[NAME_SIZE];
	char temporary[NAME_SIZE];
};

static int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

static int name_place(struct place *place, const char *name)
{
	return join(place->name, sizeof(place->name), name, "", "") &&
			       join(place->temporary, sizeof(place->temporary), name, ".new", "") ?
		       0 :
		       -ENAMETOOLONG;
}

static int open_plain(struct machine *machine, const char *path, struct place *place)
{
	const char *slash = strrchr(path, '/');
	char parent[MACHINE_PATH_SIZE];

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	place->dir = machine_openat(machine, parent, O_RDONLY | O_DIRECTORY);
	return place->dir < 0 ? place->dir : name_place(place, slash + 1);
}

/*
 * Who may write to a directory could have put another file there by now. A sticky one, as /tmp,
 * is no better: a temporary file of ours may be theirs already.
 */
static int distrust_dir(int dir)
{
	struct stat st;

	if (fstat(dir, &st))
		return -errno;
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return -EXDEV;
	return 0;
}

/* The place a link leads to, as the kernel names the open file: proc_pid_fd(5). */
static int open_target(struct machine *machine, const char *path, struct place *place)
{
	char link[64], target[MACHINE_PATH_SIZE];
	int fd = machine_openat(machine, path, O_PATH);
	ssize_t len;
	char *slash;

	if (fd < 0)
		return fd;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, target, sizeof(target) - 1);
	(void)close(fd);
	if (len <= 0)
		return -ENOENT;
	target[len] = '\0';
	slash = strrchr(target, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	place->dir =
		result(open(slash == target ? "/" : target, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (place->dir < 0)
		return place->dir;
	return name_place(place, slash + 1) ? -ENAMETOOLONG : distrust_dir(place->dir);
}

/* True if the file is what has the temporary name now, and nothing but that. */
static bool is_temporary(const struct place *place, int fd)
{
	struct stat open_one, named;

	return !fstat(fd, &open_one) &&
	       !fstatat(place->dir, place->temporary, &named, AT_SYMLINK_NOFOLLOW) &&
	       open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino &&
	       S_ISREG(open_one.st_mode) && open_one.st_nlink == 1 && open_one.st_uid == geteuid();
}

/*
 * Opens the temporary file and locks it: one writer at a time. What one that was killed left
 * behind is locked no more, and is used again.
 */
static int open_temporary(const struct place *place)
{
	static const struct timespec a_while = { .tv_nsec = 20000000 };

	for (int i = 0; i < TRIES; i++) {
		int fd = result(openat(place->dir, place->temporary,
				       O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
				       0600));

		if (fd < 0)
			return fd;
		if (!flock(fd, LOCK_EX | LOCK_NB) && is_temporary(place, fd))
			return fd;
		(void)close(fd);
		(void)nanosleep(&a_while, NULL);
	}
	return -EBUSY;
}

static int write_all(int fd, struct text text)
{
	while (text.len) {
		ssize_t n = write(fd, text.at, text.len);

		if (n < 0)
			return -errno;
		text.at += n;
		text.len -= (size_t)n;
	}
	return 0;
}

/* Up to size bytes of the file; returns how many, or an error. */
static ssize_t read_all(int fd, char *out, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, out + len, size - len);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n && len < size);
	return (ssize_t)len;
}

/* Compares what the file holds now; *st is what it is, or what a new one shall be. */
static int compare_old(const struct place *place, struct text old, struct stat *st)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	static char now[POLICY_BYTES_MAX + 1];
	int fd = result(openat(place->dir, place->name, flags));
	ssize_t len;

	*st = (struct stat){ .st_mode = 0644, .st_uid = NO_OWNER };
	if (fd == -ENOENT)
		return old.at ? -ESTALE : 0;
	if (fd < 0)
		return fd;
	len = fstat(fd, st) ? -errno : read_all(fd, now, sizeof(now));
	(void)close(fd);
	if (len < 0)
		return (int)len;
	return old.at && text_equal(old, (struct text){ now, (size_t)len }) ? 0 : -ESTALE;
}

static int set_owner(int fd, const struct stat *st)
{
	struct stat own;

	if (st->st_uid != NO_OWNER &&
	    (fstat(fd, &own) || own.st_uid != st->st_uid || own.st_gid != st->st_gid) &&
	    fchown(fd, st->st_uid, st->st_gid))
		return -errno;
	return result(fchmod(fd, st->st_mode & 07777));
}

/* All of it is on the disk before it gets its name: rename(2) alone promises nothing there. */
static int replace(const struct place *place, int fd, struct text old, struct text new)
{
	struct stat st;
	int err = compare_old(place, old, &st);

	if (!err)
		err = result(ftruncate(fd, 0));
	if (!err)
		err = write_all(fd, new);
	if (!err)
		err = set_owner(fd, &st);
	if (!err)
		err = result(fsync(fd));
	if (!err)
		err = result(renameat(place->dir, place->temporary, place->dir, place->name));
	if (err)
		(void)unlinkat(place->dir, place->temporary, 0);
	else
		(void)fsync(place->dir);
	return err;
}

int edit_write(struct machine *machine, const char *path, struct text old, struct text new)
{
	struct place place = { .dir = -1 };
	char link[MACHINE_PATH_SIZE];
	int err, fd;

	err = machine_readlink(machine, path, link, sizeof(link)) > 0 ?
		      open_target(machine, path, &place) :
		      open_plain(machine, path, &place);
	if (!err) {
		/* A limit on file sizes shall be an error, not the end: setrlimit(2). */
		(void)signal(SIGXFSZ, SIG_IGN);
		fd = err = open_temporary(&place);
		if (fd >= 0) {
			err = replace(&place, fd, old, new);
			(void)close(fd);
		}
	}
	if (place.dir >= 0)
		(void)close(place.dir);
	return err;
}
