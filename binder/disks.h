/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks below a PCI function. A whole disk opened O_EXCL tells whether anything holds it or a
 * partition of it (linux/block/bdev.c:bd_may_claim), and keeps others from taking it meanwhile.
 */
#ifndef DISKS_H
#define DISKS_H

#include "device.h"
#include "machine.h"

#define CLAIMS_MAX     1024
#define DISK_NAME_SIZE 32

struct claims {
	struct {
		int fd;
		uint16_t device; /* index in the inventory */
	} held[CLAIMS_MAX];
	size_t count;
	/* Of the last disk that could not be claimed, for messages; err is a negative errno. */
	struct {
		char disk[DISK_NAME_SIZE];
		int err;
		size_t device;
	} refused;
};

/*
 * Claims every disk below the device at index. Sets *in_use if one is in use or cannot be
 * asked. Does nothing where the tree is not the running machine. Returns 0 or an error.
 */
int claims_take(struct claims *claims, struct machine *machine, const struct inventory *inventory,
		size_t index, bool *in_use);

/* Lets go of the disks of one device, or of all. */
void claims_release(struct claims *claims, size_t index);
void claims_release_all(struct claims *claims);

/* In a child, whose copies they are: closes all but those of one device. */
void claims_close_others(const struct claims *claims, size_t index);

#endif
