/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of one segment of an image, decompressed, a block at a time. One stream is read and no
 * more: with what follows it the kernel begins anew (linux/init/initramfs.c:unpack_to_rootfs()).
 */
#ifndef STREAM_H
#define STREAM_H

#include "segment.h"

struct stream {
	struct text rest;  /* of the block at hand */
	uint64_t position; /* of rest, from the start of the stream */
	/* Why it cannot be read on, or NULL. Text of this stream's, until it is closed. */
	const char *wrong;
	bool unsure;                       /* that is not the kernel's word: it may read it well */
	struct decompressor *decompressor; /* NULL where nothing is compressed: all is one block */
};

/* Begins to read what is at the front of image; for a plain segment the position is start. */
void stream_open(struct stream *stream, struct text image, enum compression compression,
		 uint64_t start);

/* How many bytes of the image the stream took; it is to be read to its end first. */
size_t stream_used(const struct stream *stream);

void stream_close(struct stream *stream);

/* Makes sure there is a byte to read; false at the end, or after a failure. */
bool stream_fill(struct stream *stream);

/* The next bytes of the block at hand, at most len; none at the end, or after a failure. */
struct text stream_take(struct stream *stream, uint64_t len);

/* Reads len bytes; to may be NULL, they are passed over then. False where there are less. */
bool stream_read(struct stream *stream, char *to, uint64_t len);

#endif
