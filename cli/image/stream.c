/* SPDX-License-Identifier: GPL-2.0-or-later */
#define ZLIB_CONST
#include "stream.h"

#include <archive.h>
#include <bzlib.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FEED_MAX ((size_t)1 << 30) /* zlib and bzip2 count in unsigned int */

struct decompressor {
	enum compression compression;
	struct text image, rest; /* all, and what is left of it; for libarchive what is behind it */
	bool open, ended;
	z_stream gzip;
	bz_stream bzip2;
	struct archive *archive;
	char block[1 << 16];
};

static const char *why(struct archive *archive)
{
	const char *text = archive ? archive_error_string(archive) : NULL;

	return text ? text : "not readable";
}

/* The one filter that is meant: with all of them libarchive would guess. */
static void support(struct archive *archive, enum compression compression)
{
	(void)archive_read_support_format_raw(archive);
	(void)archive_read_support_format_empty(archive);
	switch (compression) {
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
	case COMPRESSED_GZIP:
	case COMPRESSED_BZIP2:
	case COMPRESSED_UNKNOWN:
		break;
	}
}

/*
 * Where its length is in the header the kernel ends there: whether a mark of the end follows, which
 * it would take for another archive, libarchive does not tell. xz(1) writes a mark and no length.
 * One byte that the kernel may leave of the last code is a zero.
 */
static bool has_length(struct text lzma)
{
	const size_t at = 5, len = 8;

	return memcmp(lzma.at + at, "\xff\xff\xff\xff\xff\xff\xff\xff", len) != 0;
}

static const char *open_archive(struct decompressor *d)
{
	const char *wrong = NULL;
	struct text all = segment_stream(d->image, d->compression, &wrong);
	struct archive_entry *entry;

	if (wrong)
		return wrong;
	d->archive = archive_read_new();
	if (!d->archive)
		return why(NULL);
	text_skip(&d->rest, all.len);
	support(d->archive, d->compression);
	if (archive_read_open_memory(d->archive, all.at, all.len) != ARCHIVE_OK ||
	    archive_read_next_header(d->archive, &entry) != ARCHIVE_OK)
		return why(d->archive);
	return NULL;
}

/*
 * The kernel knows of a name in the header, and of nothing else that may stand there:
 * linux/lib/decompress_inflate.c.
 */
static const char *open_gzip(struct decompressor *d)
{
	const unsigned name = 8;
	unsigned flags;

	if (d->rest.len < 10)
		return "it ends in the middle";
	if (d->rest.at[2] != 8)
		return "its method is none of gzip's";
	flags = (unsigned char)d->rest.at[3];
	/* Text or not is a hint, and takes no room. */
	if (flags & ~(name | 1))
		return "its header has more than a name, which the kernel takes for data";
	text_skip(&d->rest, 10);
	if (flags & name) {
		size_t len = strnlen(d->rest.at, d->rest.len);

		if (len == d->rest.len)
			return "it ends in the middle";
		text_skip(&d->rest, len + 1);
	}
	d->open = inflateInit2(&d->gzip, -MAX_WBITS) == Z_OK;
	return d->open ? NULL : why(NULL);
}

static const char *open_bzip2(struct decompressor *d)
{
	d->open = BZ2_bzDecompressInit(&d->bzip2, 0, 0) == BZ_OK;
	return d->open ? NULL : why(NULL);
}

static unsigned feed(const struct decompressor *d)
{
	return (unsigned)(d->rest.len < FEED_MAX ? d->rest.len : FEED_MAX);
}

/* Fills the block, and ends where the stream does. Returns what is wrong, or NULL. */
static const char *next_gzip(struct decompressor *d, size_t *len)
{
	const size_t trailer = 8; /* the kernel passes over it, and compares no sum */
	int result = Z_OK;

	d->gzip.next_out = (Bytef *)d->block;
	d->gzip.avail_out = sizeof(d->block);
	while (result == Z_OK && d->gzip.avail_out) {
		unsigned fed = feed(d);

		d->gzip.next_in = (const Bytef *)d->rest.at;
		d->gzip.avail_in = fed;
		if (!fed)
			return "it ends in the middle";
		result = inflate(&d->gzip, Z_NO_FLUSH);
		text_skip(&d->rest, fed - d->gzip.avail_in);
	}
	*len = sizeof(d->block) - d->gzip.avail_out;
	d->ended = result == Z_STREAM_END;
	if (result != Z_OK && !d->ended)
		return d->gzip.msg ? d->gzip.msg : "it is damaged";
	if (d->ended && d->rest.len < trailer)
		return "it ends in the middle";
	if (d->ended)
		text_skip(&d->rest, trailer);
	return NULL;
}

static const char *next_bzip2(struct decompressor *d, size_t *len)
{
	int result = BZ_OK;

	d->bzip2.next_out = d->block;
	d->bzip2.avail_out = sizeof(d->block);
	while (result == BZ_OK && d->bzip2.avail_out) {
		unsigned fed = feed(d), room = d->bzip2.avail_out;
		union {
			const char *at;
			char *next;
		} in = { d->rest.at };

		d->bzip2.next_in = in.next;
		d->bzip2.avail_in = fed;
		result = BZ2_bzDecompress(&d->bzip2);
		text_skip(&d->rest, fed - d->bzip2.avail_in);
		if (result == BZ_OK && !fed && d->bzip2.avail_out == room)
			return "it ends in the middle";
	}
	*len = sizeof(d->block) - d->bzip2.avail_out;
	d->ended = result == BZ_STREAM_END;
	return result == BZ_OK || d->ended ? NULL : "it is damaged";
}

static const char *next_archive(struct decompressor *d, struct text *block)
{
	const void *at;
	la_int64_t offset;
	int result = archive_read_data_block(d->archive, &at, &block->len, &offset);

	d->ended = result == ARCHIVE_EOF;
	*block = (struct text){ at, d->ended ? 0 : block->len };
	return result == ARCHIVE_OK || d->ended ? NULL : why(d->archive);
}

static const char *next_block(struct decompressor *d, struct text *block)
{
	*block = (struct text){ d->block, 0 };
	if (d->archive)
		return next_archive(d, block);
	return d->compression == COMPRESSED_GZIP ? next_gzip(d, &block->len) :
						   next_bzip2(d, &block->len);
}

void stream_open(struct stream *stream, struct text image, enum compression compression,
		 uint64_t start)
{
	struct decompressor *d;

	*stream = (struct stream){ 0 };
	if (compression == COMPRESSED_NOT) {
		stream->rest = image;
		stream->position = start;
		return;
	}
	d = stream->decompressor = calloc(1, sizeof(*d));
	if (!d) {
		stream->wrong = why(NULL);
		return;
	}
	d->compression = compression;
	d->image = d->rest = image;
	stream->wrong = compression == COMPRESSED_GZIP  ? open_gzip(d) :
			compression == COMPRESSED_BZIP2 ? open_bzip2(d) :
							  open_archive(d);
	/* libarchive may need a program for it that is not there. */
	stream->unsure = stream->wrong && compression == COMPRESSED_LZO && d->archive;
	if (stream->unsure)
		stream->wrong = "it takes lzop(1) to read it";
	if (!stream->wrong && compression == COMPRESSED_LZMA && has_length(image)) {
		stream->wrong = "where the kernel finds its end cannot be told";
		stream->unsure = true;
	}
}

size_t stream_used(const struct stream *stream)
{
	const struct decompressor *d = stream->decompressor;

	return d->compression == COMPRESSED_LZMA ? (size_t)archive_filter_bytes(d->archive, -1) :
						   d->image.len - d->rest.len;
}

void stream_close(struct stream *stream)
{
	struct decompressor *d = stream->decompressor;

	if (!d)
		return;
	if (d->open && d->compression == COMPRESSED_GZIP)
		(void)inflateEnd(&d->gzip);
	if (d->open && d->compression == COMPRESSED_BZIP2)
		(void)BZ2_bzDecompressEnd(&d->bzip2);
	if (d->archive)
		(void)archive_read_free(d->archive);
	free(d);
	stream->decompressor = NULL;
}

bool stream_fill(struct stream *stream)
{
	struct decompressor *d = stream->decompressor;

	while (!stream->rest.len && d && !d->ended && !stream->wrong) {
		stream->wrong = next_block(d, &stream->rest);
		if (stream->wrong)
			stream->rest.len = 0;
	}
	return stream->rest.len;
}

struct text stream_take(struct stream *stream, uint64_t len)
{
	struct text part = { 0 };

	if (!stream_fill(stream))
		return part;
	part.at = stream->rest.at;
	part.len = len < stream->rest.len ? (size_t)len : stream->rest.len;
	text_skip(&stream->rest, part.len);
	stream->position += part.len;
	return part;
}

bool stream_read(struct stream *stream, char *to, uint64_t len)
{
	while (len) {
		struct text part = stream_take(stream, len);

		if (!part.len)
			return false;
		if (to) {
			memcpy(to, part.at, part.len);
			to += part.len;
		}
		len -= part.len;
	}
	return true;
}
