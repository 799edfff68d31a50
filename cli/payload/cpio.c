/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpio.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * For libarchive all is well, whatever happens: after an error it would neither close what it
 * has open nor free it (archive_write_free() of 3.6).
 */
static la_ssize_t write_block(struct archive *archive, void *context, const void *block, size_t len)
{
	struct cpio *cpio = context;
	ssize_t n = cpio->err ? 0 : write(cpio->fd, block, len);

	(void)archive;
	if (n < 0)
		cpio->err = -errno;
	return cpio->err ? (la_ssize_t)len : n;
}

int cpio_open(struct cpio *cpio, int fd)
{
	*cpio = (struct cpio){ .archive = archive_write_new(), .fd = fd };
	if (!cpio->archive)
		return -ENOMEM;
	if (archive_write_set_format_cpio_newc(cpio->archive) == ARCHIVE_OK &&
	    archive_write_add_filter_gzip(cpio->archive) == ARCHIVE_OK &&
	    archive_write_set_filter_option(cpio->archive, "gzip", "timestamp", NULL) ==
		    ARCHIVE_OK &&
	    archive_write_set_bytes_per_block(cpio->archive, 65536) == ARCHIVE_OK &&
	    archive_write_set_bytes_in_last_block(cpio->archive, 512) == ARCHIVE_OK &&
	    archive_write_open(cpio->archive, cpio, NULL, write_block, NULL) == ARCHIVE_OK)
		return 0;
	(void)archive_write_free(cpio->archive);
	return -ENOMEM;
}

static void note(struct cpio *cpio, int result)
{
	if (result != ARCHIVE_OK && !cpio->err)
		cpio->err = archive_errno(cpio->archive) > 0 ? -archive_errno(cpio->archive) : -EIO;
}

int cpio_close(struct cpio *cpio)
{
	note(cpio, archive_write_close(cpio->archive));
	(void)archive_write_free(cpio->archive);
	return cpio->err;
}

static bool write_header(struct cpio *cpio, const char *path, mode_t mode, size_t size,
			 const char *link)
{
	struct archive_entry *entry = cpio->err ? NULL : archive_entry_new();

	if (!entry) {
		if (!cpio->err)
			cpio->err = -ENOMEM;
		return false;
	}
	archive_entry_set_pathname(entry, path);
	archive_entry_set_mode(entry, mode);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_nlink(entry, 1);
	if (link)
		archive_entry_set_symlink(entry, link);
	note(cpio, archive_write_header(cpio->archive, entry));
	archive_entry_free(entry);
	return !cpio->err;
}

static void write_data(struct cpio *cpio, const void *data, size_t len)
{
	note(cpio, archive_write_data(cpio->archive, data, len) == (la_ssize_t)len ? ARCHIVE_OK :
										     ARCHIVE_FATAL);
}

static void add_file(struct cpio *cpio, int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char buffer[16384];
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && !fstat(fd, &st) &&
	    write_header(cpio, path, st.st_mode, (size_t)st.st_size, NULL))
		while ((n = read(fd, buffer, sizeof(buffer))) > 0)
			write_data(cpio, buffer, (size_t)n);
	if (n < 0 && !cpio->err)
		cpio->err = -errno;
	if (fd >= 0)
		(void)close(fd);
}

static void add_link(struct cpio *cpio, int dir, const char *path)
{
	char link[4096]; /* PATH_MAX of linux/limits.h */
	ssize_t len = readlinkat(dir, path, link, sizeof(link) - 1);

	if (len < 0) {
		cpio->err = -errno;
		return;
	}
	link[len] = '\0';
	(void)write_header(cpio, path, S_IFLNK | 0777, 0, link);
}

void cpio_add(struct cpio *cpio, const char *dir, const char *path)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (cpio->err || fd < 0 || fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW))
		cpio->err = cpio->err ? cpio->err : -errno;
	else if (S_ISREG(st.st_mode))
		add_file(cpio, fd, path);
	else if (S_ISLNK(st.st_mode))
		add_link(cpio, fd, path);
	else
		(void)write_header(cpio, path, st.st_mode, 0, NULL);
	if (fd >= 0)
		(void)close(fd);
}

void cpio_add_text(struct cpio *cpio, const char *path, struct text text)
{
	if (write_header(cpio, path, S_IFREG | 0755, text.len, NULL))
		write_data(cpio, text.at, text.len);
}
