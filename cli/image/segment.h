/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The archives an initramfs image is made of, one behind the other, each compressed or not. By
 * which magic the kernel knows them: linux/lib/decompress.c.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "text.h"

enum compression {
	COMPRESSED_NOT,
	COMPRESSED_GZIP,
	COMPRESSED_BZIP2,
	COMPRESSED_LZMA,
	COMPRESSED_XZ,
	COMPRESSED_LZO,
	COMPRESSED_LZ4,
	COMPRESSED_ZSTD,
	COMPRESSED_UNKNOWN, /* the kernel gives up here */
};

const char *compression_name(enum compression compression);

/*
 * How the bytes at the front of image are compressed. Those of an archive that is not begin
 * with "0".
 */
enum compression compression_of(struct text image);

/*
 * The bytes at the front of image that are one compressed stream. Some decompressors of
 * libarchive go on behind the end of a stream and fail there: for these it is found here. For
 * the others all of image is returned, and decompressing tells. Sets *wrong to what is wrong
 * with the stream, and returns nothing, if it has no end.
 */
struct text segment_stream(struct text image, enum compression compression, const char **wrong);

#endif
