/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of storage a host has: fstab, crypttab, swap and resume. */
#ifndef STORAGELISTS_H
#define STORAGELISTS_H

#include "blocks.h"

#include <libmount/libmount.h>

/* Reads a table by libmount. Returns 0, -ENOENT or another error; free it with mnt_free_table(). */
int storagelist_read(struct machine *machine, const char *path, struct libmnt_table **table);

/*
 * Adds all devices those lists name. What is not there now is warned of and left out; what the
 * caller may not look at makes blocks->lost.
 */
void storagelists_add(struct blocks *blocks);

/* Adds the devices a file system names in its options: a log or journal of its own, say. */
void storagelist_add_options(struct blocks *blocks, const char *where, struct libmnt_fs *fs);

/* Notes the address of a file server, if the options say it. */
void storagelist_add_peer(struct blocks *blocks, struct libmnt_fs *fs);

#endif
