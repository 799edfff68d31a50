/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fstab, crypttab and resume= call block devices: node, tag or number. */
#ifndef SOURCE_H
#define SOURCE_H

#include "blocks.h"

/* True for what names a block device, not a file, a remote directory or nothing at all. */
bool source_is_block(const char *source);

/*
 * Adds the devices a source names: UUID= and the like by udev's links, and by libblkid on the
 * running machine; a node of /dev; MAJ:MIN. A tag can be on several, as on the parts of a btrfs.
 * Returns 0, -ENOENT if there is none now, -EACCES if the caller may not look.
 */
int source_add(struct blocks *blocks, const char *source);

/* The device of a node, a path with its leading slash. Returns as above. */
int source_find_node(struct machine *machine, const char *path, dev_t *device);

/*
 * Adds the devices of the ZFS pool a dataset is in, or of all pools; of all too where none is
 * labelled with the pool's name. Returns as above.
 */
int source_add_pool(struct blocks *blocks, const char *dataset);
int source_add_pools(struct blocks *blocks);

#endif
