/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment.h"

#include <string.h>

static const struct {
	const char *name, *magic;
	size_t len;
} kinds[] = {
	[COMPRESSED_NOT] = { "plain", "07070", 5 },
	[COMPRESSED_GZIP] = { "gzip", "\x1f\x8b", 2 },
	[COMPRESSED_BZIP2] = { "bzip2", "BZh", 3 },
	[COMPRESSED_LZMA] = { "lzma", "\x5d\0\0", 3 },
	[COMPRESSED_XZ] = { "xz", "\xfd\x37zXZ\0", 6 },
	[COMPRESSED_LZO] = { "lzo", "\x89LZO", 4 },
	/* The old format alone: linux/lib/decompress_unlz4.c. */
	[COMPRESSED_LZ4] = { "lz4", "\x02\x21\x4c\x18", 4 },
	[COMPRESSED_ZSTD] = { "zstd", "\x28\xb5\x2f\xfd", 4 },
	[COMPRESSED_UNKNOWN] = { "unknown", "", 0 },
};

const char *compression_name(enum compression compression)
{
	return kinds[compression].name;
}

enum compression compression_of(struct text image)
{
	enum compression compression = COMPRESSED_NOT;

	while (image.len < kinds[compression].len ||
	       memcmp(image.at, kinds[compression].magic, kinds[compression].len) != 0)
		compression++;
	return compression;
}

static uint32_t read_le(const char *at, size_t bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | (unsigned char)at[bytes];
	return value;
}

static struct text truncated(const char **wrong)
{
	*wrong = "it ends in the middle";
	return (struct text){ 0 };
}

static void skip(struct text *rest, size_t bytes)
{
	rest->at += bytes;
	rest->len -= bytes;
}

/* The bytes from the front of image up to rest, which lies in it. */
static struct text up_to(struct text image, struct text rest)
{
	return (struct text){ image.at, (size_t)(rest.at - image.at) };
}

static uint32_t crc32(const char *at, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)at[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/*
 * True if a stream whose header stands at start ends before end: a footer, and the index before
 * it that begins where the footer says. The .xz file format, sections 2.1.2 and 4.
 */
static bool xz_ends(const char *start, const char *end)
{
	const char *footer = end - 12;
	uint64_t index_len = ((uint64_t)read_le(footer + 4, 4) + 1) * 4;

	return footer[10] == 'Y' && footer[11] == 'Z' && !memcmp(footer + 8, start + 6, 2) &&
	       crc32(footer + 4, 6) == read_le(footer, 4) &&
	       index_len + 12 <= (uint64_t)(footer - start) && !footer[-(ptrdiff_t)index_len] &&
	       crc32(footer - index_len, (size_t)index_len - 4) == read_le(footer - 4, 4);
}

/* All of a stream is padded to multiples of four bytes; it is never less than 32 bytes long. */
static struct text xz_stream(struct text image, const char **wrong)
{
	/* The second byte of the stream flags is the kind of check: linux/lib/xz knows two. */
	if (image.len > 7 && image.at[7] > 1) {
		*wrong = "its check is not CRC32, and the kernel refuses it (xz --check=crc32)";
		return (struct text){ 0 };
	}
	for (size_t len = 32; len <= image.len; len += 4)
		if (xz_ends(image.at, image.at + len))
			return (struct text){ image.at, len };
	return truncated(wrong);
}

/* Magic and frame header: RFC 8878, section 3.1.1.1. */
static size_t zstd_header_len(unsigned char descriptor)
{
	static const size_t dictionary[] = { 0, 1, 2, 4 }, content[] = { 0, 2, 4, 8 };
	size_t single = descriptor >> 5 & 1;
	size_t content_len = content[descriptor >> 6];

	if (single && !content_len)
		content_len = 1;
	return 6 - single + dictionary[descriptor & 3] + content_len;
}

/* Frame by blocks, each behind three bytes that hold its size: RFC 8878, section 3.1.1.2. */
static struct text zstd_stream(struct text image, const char **wrong)
{
	unsigned char descriptor = image.len > 4 ? (unsigned char)image.at[4] : 0;
	size_t len = zstd_header_len(descriptor);
	struct text rest = image;
	uint32_t block;

	do {
		if (rest.len < len + 3)
			return truncated(wrong);
		skip(&rest, len);
		block = read_le(rest.at, 3);
		/* A block of type 1 is one byte, to be repeated. */
		len = 3 + ((block >> 1 & 3) == 1 ? 1 : block >> 3);
	} while (!(block & 1));
	len += descriptor & 4;
	if (rest.len < len)
		return truncated(wrong);
	skip(&rest, len);
	return up_to(image, rest);
}

/*
 * Chunks, each behind its size. The end of the image ends the stream, or a size of zero; else
 * the kernel takes what follows for a size, and gives up: linux/lib/decompress_unlz4.c.
 */
static struct text lz4_stream(struct text image, const char **wrong)
{
	const uint32_t chunk_max = (8 << 20) + (8 << 20) / 255 + 16; /* LZ4_compressBound(8 MiB) */
	const uint32_t magic = read_le(image.at, 4);
	struct text rest = image;

	while (rest.len >= 4) {
		uint32_t size = read_le(rest.at, 4);

		if (!size)
			break;
		if (size == magic)
			size = 0;
		if (size > chunk_max) {
			*wrong = "4 zero bytes must follow it";
			return (struct text){ 0 };
		}
		if (rest.len - 4 < size)
			return truncated(wrong);
		skip(&rest, 4 + (size_t)size);
	}
	return up_to(image, rest);
}

struct text segment_stream(struct text image, enum compression compression, const char **wrong)
{
	switch (compression) {
	case COMPRESSED_XZ:
		return xz_stream(image, wrong);
	case COMPRESSED_ZSTD:
		return zstd_stream(image, wrong);
	case COMPRESSED_LZ4:
		return lz4_stream(image, wrong);
	case COMPRESSED_NOT:
	case COMPRESSED_GZIP:
	case COMPRESSED_BZIP2:
	case COMPRESSED_LZMA:
	case COMPRESSED_LZO:
	case COMPRESSED_UNKNOWN:
		break;
	}
	return image;
}
