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
 * The bytes at the front of image that are one compressed stream. libarchive goes on behind the end
 * of a stream, so that is found here; but for gzip, bzip2 and lzma, of which all of image is
 * returned, and decompressing tells. Sets *wrong to why the kernel would not take the stream, and
 * returns nothing, if that can be told from what is around the data.
 */
struct text segment_stream(struct text image, enum compression compression, const char **wrong);

#endif
