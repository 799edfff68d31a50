/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_file.h"

#include "machine.h"
#include "segment.h"
#include "uki.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nothing we want to read is longer; and an image can say anything. */
#define CONTENT_MAX (32 << 20)
/* The kernel makes no directory that an archive does not list: the file would be left out. */
static bool has_parent(const struct image_tree *image, char *path)
{
	char *slash = strrchr(path, '/');
	const struct image_file *parent;

	if (!slash)
		return true;
	*slash = '\0';
	parent = image_lookup(image, path);
	*slash = '/';
	return parent && S_ISDIR(parent->mode);
}

/* linux/init/initramfs.c:clean_path() removes no directory that holds anything: it stays there. */
static bool is_in_use(const struct image_tree *image, char *path)
{
	const struct image_file *there = image_lookup(image, path);
	size_t len = strlen(path);

	if (!there || !S_ISDIR(there->mode))
		return false;
	for (size_t i = 0; i < image->count; i++)
		if (!strncmp(image->files[i]->path, path, len) && image->files[i]->path[len] == '/')
			return true;
	return false;
}

static bool read_content(struct image_file *file, struct archive *archive, size_t size)
{
	char *content = malloc(size + 1);

	if (!content)
		return false;
	file->content = (struct text){ content, size };
	return archive_read_data(archive, content, size) == (la_ssize_t)size;
}

/*
 * Names of one file come one after the other, and with the last of them comes its content:
 * linux/Documentation/driver-api/early-userspace/buffer-format.rst. We keep it with the first.
 */
static struct image_file *first_of(const struct image_tree *image, const char *name)
{
	char path[IMAGE_PATH_SIZE];
	struct image_file *found =
		image_resolve(image, name, false, path) ? image_lookup(image, path) : NULL;

	return found && S_ISREG(found->mode) ? found : NULL;
}

static bool is_wanted(const struct image_tree *image, const struct image_file *file,
		      const char *name)
{
	return S_ISREG(file->mode) && (file->link || image->keep(file->path) || image->keep(name));
}

static bool image_take(struct image_tree *image, struct archive *archive,
		       struct archive_entry *entry)
{
	const char *soft = archive_entry_symlink(entry), *hard = archive_entry_hardlink(entry);
	la_int64_t size = archive_entry_size(entry);
	const char *name = archive_entry_pathname(entry);
	char path[IMAGE_PATH_SIZE];
	struct image_file *first = hard ? first_of(image, hard) : NULL, *file;

	if (!name || !image_resolve(image, name, false, path) || !path[0] ||
	    !has_parent(image, path) ||
	    (!S_ISDIR(archive_entry_mode(entry)) && is_in_use(image, path)))
		return true;
	if (hard && !first) {
		archive_set_error(archive, -1, "%s is a name of %s, which the kernel cannot make",
				  name, hard);
		return false;
	}
	file = image_put(image, path);
	if (!file)
		return false;
	file->mode = archive_entry_mode(entry);
	file->uid = (uid_t)archive_entry_uid(entry);
	if (soft || hard || S_ISLNK(file->mode)) {
		file->link = strdup(soft ? soft : hard ? hard : "");
		if (!file->link)
			return false;
	}
	if (size <= 0 || size > CONTENT_MAX || !is_wanted(image, file, name))
		return true;
	if (first)
		file = first;
	image_forget(file);
	return read_content(file, archive, (size_t)size);
}

#define MAGIC_LEN 6

/* The bytes of one segment of the image, decompressed, a block at a time. */
struct stream {
	struct archive *decompressor; /* NULL where nothing is compressed: all is one block */
	const char *block;
	size_t at, len;    /* in the block */
	uint64_t position; /* of the block, from the start of the stream */
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct image_tree *image, const char *how,
							...)
{
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(image->wrong, sizeof(image->wrong), how, arguments);
	va_end(arguments);
}

static const char *why(struct archive *archive)
{
	const char *text = archive ? archive_error_string(archive) : NULL;

	return text ? text : "not readable";
}

/* Makes sure there is a byte to read; false at the end, or after a failure. */
static bool fill(struct stream *stream)
{
	const void *block;
	la_int64_t offset;
	size_t len;
	int result;

	while (stream->at == stream->len && stream->decompressor && !stream->failed) {
		result = archive_read_data_block(stream->decompressor, &block, &len, &offset);
		if (result == ARCHIVE_EOF)
			return false;
		stream->failed = result != ARCHIVE_OK;
		if (stream->failed)
			return false;
		stream->position += stream->len;
		stream->block = block;
		stream->at = 0;
		stream->len = len;
	}
	return stream->at < stream->len;
}

/* For libarchive: hands out all of a block. */
static la_ssize_t read_block(struct archive *archive, void *context, const void **block)
{
	struct stream *stream = context;
	size_t len;

	if (!fill(stream)) {
		if (stream->failed)
			archive_set_error(archive, -1, "%s", why(stream->decompressor));
		return stream->failed ? -1 : 0;
	}
	*block = stream->block + stream->at;
	len = stream->len - stream->at;
	stream->at = stream->len;
	return (la_ssize_t)len;
}

/* linux/init/initramfs.c:do_header() takes 070701 and 070702 only. */
static bool is_newc(struct archive *archive)
{
	if (archive_format(archive) == ARCHIVE_FORMAT_CPIO_SVR4_NOCRC ||
	    archive_format(archive) == ARCHIVE_FORMAT_CPIO_SVR4_CRC)
		return true;
	archive_set_error(archive, -1, "it is not in the newc format (cpio -H newc)");
	return false;
}

static int read_files(struct image_tree *image, struct archive *archive)
{
	struct archive_entry *entry;
	int result;

	while ((result = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
		if (!is_newc(archive) || !image_take(image, archive, entry))
			return ARCHIVE_FATAL;
	/* One that is not where it should be is found all the same, and warned of. */
	return result == ARCHIVE_EOF ? ARCHIVE_OK : ARCHIVE_FATAL;
}

/* Reads one archive, and leaves the stream behind its end. Returns false after a mistake. */
static bool read_archive(struct image_tree *image, struct stream *stream)
{
	struct archive *archive = archive_read_new();
	uint64_t start = stream->position + stream->at, end;
	int result = ARCHIVE_FATAL;

	if (archive) {
		(void)archive_read_support_format_cpio(archive);
		result = archive_read_open(archive, stream, NULL, read_block, NULL);
	}
	if (result == ARCHIVE_OK)
		result = read_files(image, archive);
	if (result != ARCHIVE_OK) {
		wrong(image, "an archive is damaged: %s", why(archive));
		(void)archive_read_free(archive);
		return false;
	}
	end = start + (uint64_t)archive_filter_bytes(archive, -1);
	(void)archive_read_free(archive);
	stream->at = (size_t)(end - stream->position);
	return end >= stream->position && stream->at <= stream->len;
}

/*
 * Reads archives until something else comes; zeros may stand between them. Each begins at a
 * multiple of four bytes, or the kernel does not take it for one.
 */
static bool read_archives(struct image_tree *image, struct stream *stream)
{
	while (fill(stream)) {
		if (!stream->block[stream->at]) {
			stream->at++;
			continue;
		}
		if (stream->block[stream->at] != '0')
			break;
		if ((stream->position + stream->at) % 4) {
			wrong(image, "an archive begins at byte %llu, which is no multiple of 4",
			      (unsigned long long)stream->position + stream->at);
			return false;
		}
		if (!read_archive(image, stream))
			return false;
	}
	if (stream->failed)
		wrong(image, "%s", why(stream->decompressor));
	return !stream->failed;
}

static bool read_plain(struct image_tree *image, struct text all, size_t *at)
{
	struct stream stream = { .block = all.at, .at = *at, .len = all.len };
	bool ok = read_archives(image, &stream);

	*at = stream.at;
	return ok;
}

/* The one filter that is meant: with all of them libarchive would guess. */
static void support(struct archive *archive, enum compression compression)
{
	(void)archive_read_support_format_raw(archive);
	(void)archive_read_support_format_empty(archive);
	switch (compression) {
	case COMPRESSED_GZIP:
		(void)archive_read_support_filter_gzip(archive);
		break;
	case COMPRESSED_BZIP2:
		(void)archive_read_support_filter_bzip2(archive);
		break;
	case COMPRESSED_LZMA:
		(void)archive_read_support_filter_lzma(archive);
		break;
	case COMPRESSED_XZ:
		(void)archive_read_support_filter_xz(archive);
		break;
	case COMPRESSED_LZO:
		(void)archive_read_support_filter_lzop(archive);
		break;
	case COMPRESSED_LZ4:
		(void)archive_read_support_filter_lz4(archive);
		break;
	case COMPRESSED_ZSTD:
		(void)archive_read_support_filter_zstd(archive);
		break;
	case COMPRESSED_NOT:
	case COMPRESSED_UNKNOWN:
		break;
	}
}

static bool read_decompressed(struct image_tree *image, struct archive *decompressor)
{
	struct stream stream = { .decompressor = decompressor };

	if (!read_archives(image, &stream))
		return false;
	if (fill(&stream))
		wrong(image, "what is compressed is no cpio archive");
	return !image->wrong[0];
}

static bool read_compressed(struct image_tree *image, struct text all, size_t *at,
			    enum compression compression)
{
	const char *broken = NULL;
	struct text stream =
		segment_stream((struct text){ all.at + *at, all.len - *at }, compression, &broken);
	struct archive *archive = broken ? NULL : archive_read_new();
	struct archive_entry *entry;
	bool ok = false;

	if (archive) {
		support(archive, compression);
		if (archive_read_open_memory(archive, stream.at, stream.len) == ARCHIVE_OK &&
		    archive_read_next_header(archive, &entry) == ARCHIVE_OK)
			ok = read_decompressed(image, archive);
		else
			wrong(image, "%s", why(archive));
		*at += (size_t)archive_filter_bytes(archive, -1);
		(void)archive_read_free(archive);
	} else {
		wrong(image, "%s", broken ? broken : why(NULL));
	}
	return ok;
}

/* Reads what begins at *at, and leaves that behind it. Returns false after a mistake. */
static bool read_segment(struct image_tree *image, struct text all, size_t *at)
{
	enum compression compression = compression_of((struct text){ all.at + *at, all.len - *at });

	if (image->archive_count < IMAGE_ARCHIVES_MAX)
		image->archives[image->archive_count++] = compression_name(compression);
	switch (compression) {
	case COMPRESSED_NOT:
		return read_plain(image, all, at);
	case COMPRESSED_UNKNOWN:
		wrong(image, "no archive the kernel knows begins here");
		return false;
	case COMPRESSED_GZIP:
	case COMPRESSED_BZIP2:
	case COMPRESSED_LZMA:
	case COMPRESSED_XZ:
	case COMPRESSED_LZO:
	case COMPRESSED_LZ4:
	case COMPRESSED_ZSTD:
		return read_compressed(image, all, at, compression);
	}
	return false;
}

static void image_unpack(struct image_tree *image, struct text all)
{
	size_t at = 0;

	while (at < all.len) {
		size_t start = at;
		char said[sizeof(image->wrong)];

		if (!all.at[at]) {
			at++;
			continue;
		}
		if (read_segment(image, all, &at) && at > start)
			continue;
		(void)join(said, sizeof(said), image->wrong[0] ? image->wrong : why(NULL), "", "");
		wrong(image, "archive %zu (%s), which begins at byte %zu: %s", image->archive_count,
		      image->archives[image->archive_count - 1], start, said);
		return;
	}
	if (!image->archive_count)
		wrong(image, "it holds nothing but zeros");
}

static void unpack(struct image_tree *image, struct text all)
{
	if (uki_is(all)) {
		struct text words = uki_section(all, ".cmdline");

		if (words.len)
			image->cmdline = strndup(words.at, words.len);
		all = uki_section(all, ".initrd");
	}
	if (all.len)
		image_unpack(image, all);
	else
		(void)join(image->wrong, sizeof(image->wrong), "no initramfs is in it", "", "");
}

int image_read_open(struct image_tree *image, int fd)
{
	struct stat st;
	void *all;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!st.st_size) {
		(void)strcpy(image->wrong, "it is empty");
		return 0;
	}
	all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (all == MAP_FAILED)
		return -errno;
	unpack(image, (struct text){ all, (size_t)st.st_size });
	(void)munmap(all, (size_t)st.st_size);
	image_sort(image);
	return 0;
}
