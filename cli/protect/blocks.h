/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices and what they stand on, through dm, LVM, LUKS, md, bcache, partitions and NVMe
 * multipath down to PCI functions. All of it is in sysfs: each device under its number in
 * /sys/dev/block, and what it stands on in slaves/ (linux/Documentation/ABI: sysfs-block,
 * sysfs-dev).
 */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "host_use.h"

#include <sys/types.h>

#define BLOCKS_MAX      4096
#define BLOCK_NAME_SIZE 64

struct blocks {
	struct host_use *host;
	dev_t met[BLOCKS_MAX]; /* for any reason */
	size_t met_count;
	dev_t devices[BLOCKS_MAX]; /* for the reason at hand */
	size_t count;
	size_t followed; /* of those; blocks_follow() goes through the rest */
	bool lost;       /* one of them leads nowhere we know */
	bool loop;       /* a file stands below one of them: its file system is another mount */
	bool zvol;       /* a volume of a ZFS pool is among them */
};

/* All that is added from now on, and what it stands on, is marked for this reason. */
void blocks_begin(struct blocks *blocks, enum purpose why, const char *mount);

void blocks_add(struct blocks *blocks, dev_t device);

/* Marks what all devices added since blocks_begin() stand on. */
void blocks_follow(struct blocks *blocks);

/* Reads "MAJ:MIN" from a dev attribute below a directory that ends with a slash. */
bool block_number(struct machine *machine, const char *dir, const char *name, dev_t *device);
bool block_parse_number(struct text text, dev_t *device);

/* The name the kernel has for it: sda1, dm-0. */
bool block_name(struct machine *machine, dev_t device, char name[BLOCK_NAME_SIZE]);

#endif
