/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unpack.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

int unpack_module(struct tree *tree, const char *path, const char *from)
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
