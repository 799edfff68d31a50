/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include "load.h"
#include "trial.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed_at(struct tree *tree, const char *path, int err)
{
	(void)join(tree->failed, sizeof(tree->failed), path, "", "");
	return err;
}

int tree_open(struct tree *tree, const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return failed_at(tree, path, -errno);
	tree->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return failed_at(tree, path, tree->dir < 0 ? -errno : 0);
}

void tree_close(struct tree *tree)
{
	(void)close(tree->dir);
}

static int make_dir(struct tree *tree, const char *path)
{
	if (!mkdirat(tree->dir, path, 0755)) /* whatever the caller's umask is */
		return fchmodat(tree->dir, path, 0755, 0) ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

static int make_parents(struct tree *tree, const char *path)
{
	char dir[MACHINE_PATH_SIZE];
	const char *slash = path;

	while ((slash = strchr(slash, '/'))) {
		size_t len = (size_t)(slash++ - path);
		int err;

		memcpy(dir, path, len);
		dir[len] = '\0';
		err = make_dir(tree, dir);
		if (err)
			return failed_at(tree, dir, err);
	}
	return 0;
}

int tree_create(struct tree *tree, const char *path)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	char temporary[MACHINE_PATH_SIZE];
	int err, fd;

	if (!join(temporary, sizeof(temporary), path, ".new", ""))
		return failed_at(tree, path, -ENAMETOOLONG);
	err = make_parents(tree, path);
	if (err)
		return err;
	fd = openat(tree->dir, temporary, flags, 0644);
	return fd < 0 ? failed_at(tree, path, -errno) : fd;
}

int tree_commit(struct tree *tree, const char *path, int fd, mode_t mode)
{
	char temporary[MACHINE_PATH_SIZE];
	int err = fchmod(fd, mode) ? -errno : 0;

	(void)join(temporary, sizeof(temporary), path, ".new", "");
	/* A file system over the network tells of a full disk when a file is closed. */
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(tree->dir, temporary, tree->dir, path))
		err = -errno;
	return err ? failed_at(tree, path, err) : 0;
}

static int write_all(int fd, const char *at, size_t len)
{
	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int tree_copy(struct tree *tree, const char *path, int from, mode_t mode)
{
	int fd = tree_create(tree, path), err = 0;
	char buffer[16384];
	ssize_t n;

	if (fd < 0)
		return fd;
	while (!err && (n = read(from, buffer, sizeof(buffer))) != 0)
		err = n < 0 ? -errno : write_all(fd, buffer, (size_t)n);
	if (!err)
		return tree_commit(tree, path, fd, mode);
	(void)close(fd);
	return failed_at(tree, path, err);
}

int tree_write(struct tree *tree, const char *path, struct text text)
{
	int fd = tree_create(tree, path), err;

	if (fd < 0)
		return fd;
	err = write_all(fd, text.at, text.len);
	if (!err)
		return tree_commit(tree, path, fd, 0644);
	(void)close(fd);
	return failed_at(tree, path, err);
}

static int unpack_open(struct tree *tree, const char *path, const char *from, int in)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int out, err;

	if (!archive)
		return -ENOMEM;
	(void)archive_read_support_filter_all(archive);
	(void)archive_read_support_format_raw(archive);
	(void)archive_read_support_format_empty(archive);
	out = tree_create(tree, path);
	err = out < 0 ? out : 0;
	if (!err && (archive_read_open_fd(archive, in, 65536) != ARCHIVE_OK ||
		     archive_read_next_header(archive, &entry) != ARCHIVE_OK ||
		     archive_read_data_into_fd(archive, out) != ARCHIVE_OK)) {
		const char *why = archive_error_string(archive);

		(void)join(tree->failed, sizeof(tree->failed), from, ": ",
			   why ? why : "not readable");
		/* libarchive's own number for a bad format is no errno of ours. */
		err = archive_errno(archive);
		err = err > 0 && err != EILSEQ ? -err : -EIO;
	}
	(void)archive_read_free(archive);
	if (!err)
		return tree_commit(tree, path, out, 0644);
	if (out >= 0)
		(void)close(out);
	return err;
}

int tree_unpack(struct tree *tree, const char *path, const char *from)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), err;

	if (in < 0) {
		(void)join(tree->failed, sizeof(tree->failed), from, "", "");
		return -errno;
	}
	err = unpack_open(tree, path, from, in);
	(void)close(in);
	return err;
}

static int remove_name(struct tree *tree, const char *path, int flags)
{
	if (!unlinkat(tree->dir, path, flags) || errno == ENOENT || errno == ENOTDIR)
		return 0;
	/* What others put beside our files is theirs. */
	if (flags == AT_REMOVEDIR && (errno == ENOTEMPTY || errno == EEXIST))
		return 0;
	return failed_at(tree, path, -errno);
}

/* Removes the files whose names end so, and the directory once it is empty. */
static int remove_files(struct tree *tree, const char *path, const char *suffix)
{
	struct dir dir = { .fd = openat(tree->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	char file[MACHINE_PATH_SIZE], unfinished[MACHINE_PATH_SIZE];
	const char *name;
	int err = 0, failed = 0;

	if (dir.fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : failed_at(tree, path, -errno);
	(void)join(unfinished, sizeof(unfinished), suffix, ".new", "");
	while (!failed && (name = dir_next(&dir, &err)))
		if ((text_ends(text_of(name), suffix) || text_ends(text_of(name), unfinished)) &&
		    join(file, sizeof(file), path, "/", name))
			failed = remove_name(tree, file, 0);
	dir_close(&dir);
	if (!failed)
		failed = err ? failed_at(tree, path, err) : 0;
	return failed ? failed : remove_name(tree, path, AT_REMOVEDIR);
}

int tree_clear(struct tree *tree)
{
	/* The binder first: from then on the rest does nothing. */
	static const char *const files[] = {
		PAYLOAD_DIR "/binder",
		PAYLOAD_DIR "/plan",
		PAYLOAD_DIR "/protect",
		POLICY_FILE,
		PAYLOAD_DIR "/plan.new",
		PAYLOAD_DIR "/protect.new",
		PAYLOAD_DIR "/binder.new",
		POLICY_FILE ".new",
		TRIAL_FILE,
		TRIAL_FILE ".new",
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(files); i++)
		err = remove_name(tree, files[i], 0);
	if (!err)
		err = remove_files(tree, POLICY_DIR, ".conf");
	if (!err)
		err = remove_files(tree, VENDOR_DIR, ".conf");
	if (!err)
		err = remove_files(tree, PAYLOAD_DIR "/modules", ".ko");
	return err ? err : remove_name(tree, PAYLOAD_DIR, AT_REMOVEDIR);
}
