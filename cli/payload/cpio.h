/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Archives the kernel unpacks, newc in gzip, by libarchive. The kernel finds a compressed one at any
 * offset behind another, a plain one only at a multiple of four: linux/init/initramfs.c,
 * unpack_to_rootfs(). The same files give the same bytes: no time and no owner is in them. An
 * error, a negative errno, is told at the end.
 */
#ifndef CPIO_H
#define CPIO_H

#include "text.h"

#include <archive.h>

struct cpio {
	struct archive *archive;
	int fd;
	int err; /* the first there was; nothing is written after it */
};

/* Writes to fd, from where it stands, in blocks of 512 bytes. Ends with cpio_close(). */
int cpio_open(struct cpio *cpio, int fd);

/* Ends the archive. Returns 0, or the first error there was. */
int cpio_close(struct cpio *cpio);

/* Adds what is at PATH below dir: a file, a link or a directory without what is in it. */
void cpio_add(struct cpio *cpio, const char *dir, const char *path);

/* Adds a program of that text. */
void cpio_add_text(struct cpio *cpio, const char *path, struct text text);

#endif
