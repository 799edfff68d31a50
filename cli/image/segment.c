/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segment.h"

#include <string.h>

/* Properties, the size of the dictionary, and the length: linux/lib/decompress_unlzma.c */
#define LZMA_HEADER_LEN (1 + 4 + 8)

static const struct {
	const char *name, *magic;
	size_t len;
} kinds[] = {
	[COMPRESSED_NOT] = { "plain", "07070", 5 },
	[COMPRESSED_GZIP] = { "gzip", "\x1f\x8b", 2 },
	[COMPRESSED_BZIP2] = { "bzip2", "BZh", 3 },
	[COMPRESSED_LZMA] = { "lzma", "\x5d\0", 2 },
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

static uint32_t read_be(const char *at, size_t bytes)
{
	uint32_t value = 0;

	while (bytes--)
		value = value << 8 | (unsigned char)*at++;
	return value;
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

static size_t behind_number(struct text image, size_t at)
{
	while (at < image.len && image.at[at] & 0x80)
		at++;
	return at + 1;
}

/*
 * The filters of the first block, as those of the others: LZMA2, behind one for programs if there
 * is another, the last two of which came with Linux 6.12 (linux/lib/xz/xz_dec_stream.c).
 */
static bool xz_filters_known(struct text image)
{
	const char lzma2 = 0x21, x86 = 4, riscv = 11;
	size_t at = 14;
	char flags;

	if (image.len < 32 || !image.at[12])
		return true; /* no block at all */
	flags = image.at[13];
	if (flags & 0x40)
		at = behind_number(image, at);
	if (flags & 0x80)
		at = behind_number(image, at);
	if (flags & 1 && at < image.len) {
		if (image.at[at] < x86 || image.at[at] > riscv)
			return false;
		/* The place where it starts is not the kernel's to choose. */
		at += 2;
	}
	return !(flags & 0x3e) && at < image.len && image.at[at] == lzma2;
}

/* All of a stream is padded to multiples of four bytes; it is never less than 32 bytes long. */
static struct text xz_stream(struct text image, const char **wrong)
{
	/* The second byte of the stream flags is the kind of check: linux/lib/xz knows two. */
	if (image.len > 7 && image.at[7] > 1) {
		*wrong = "its check is not CRC32, and the kernel refuses it (xz --check=crc32)";
		return (struct text){ 0 };
	}
	if (!xz_filters_known(image)) {
		*wrong = "it has a filter that the kernel does not know";
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
		text_skip(&rest, len);
		block = read_le(rest.at, 3);
		/* A block of type 1 is one byte, to be repeated. */
		len = 3 + ((block >> 1 & 3) == 1 ? 1 : block >> 3);
	} while (!(block & 1));
	len += descriptor & 4;
	if (rest.len < len)
		return truncated(wrong);
	text_skip(&rest, len);
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
		text_skip(&rest, 4 + (size_t)size);
	}
	return up_to(image, rest);
}

/*
 * Where the header of lzop(1) ends, or 0: linux/lib/decompress_unlzo.c. There are sums in the
 * blocks, and the kernel takes for granted that it is one in each.
 */
static size_t lzo_header_len(struct text image, const char **wrong)
{
	const uint32_t has_filter = 0x800, sums_of_data = 0x101, sums_of_blocks = 0x202;
	size_t at = 9 + 7;
	uint32_t flags;
	bool is_new;

	if (image.len < 80)
		return 0;
	is_new = read_be(image.at + 9, 2) >= 0x940;
	at += is_new;
	flags = read_be(image.at + at, 4);
	if (flags & sums_of_blocks || !(flags & sums_of_data) ||
	    (flags & sums_of_data) == sums_of_data)
		*wrong = "its blocks do not have one sum each, as the kernel wants it";
	at += flags & has_filter ? 8 : 4;
	at += is_new ? 12 : 8;
	return at + 1 + (unsigned char)image.at[at] + 4;
}

/* Blocks, each behind its sizes and a sum; a size of zero is the end. */
static struct text lzo_stream(struct text image, const char **wrong)
{
	const uint32_t block_max = 256 << 10;
	size_t header_len = lzo_header_len(image, wrong);
	struct text rest = image;

	if (*wrong)
		return (struct text){ 0 };
	if (!header_len || rest.len < header_len)
		return truncated(wrong);
	text_skip(&rest, header_len);
	while (rest.len >= 4) {
		uint32_t len = read_be(rest.at, 4), packed;

		text_skip(&rest, 4);
		if (!len)
			return up_to(image, rest);
		packed = rest.len < 8 ? 0 : read_be(rest.at, 4);
		if (len > block_max || packed > len) {
			*wrong = "a block is longer than the kernel takes";
			return (struct text){ 0 };
		}
		if (!packed || rest.len - 8 < packed)
			return truncated(wrong);
		text_skip(&rest, 8 + (size_t)packed);
	}
	return truncated(wrong);
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
	case COMPRESSED_LZO:
		return lzo_stream(image, wrong);
	case COMPRESSED_LZMA:
		return image.len < LZMA_HEADER_LEN ? truncated(wrong) : image;
	case COMPRESSED_NOT:
	case COMPRESSED_GZIP:
	case COMPRESSED_BZIP2:
	case COMPRESSED_UNKNOWN:
		break;
	}
	return image;
}
