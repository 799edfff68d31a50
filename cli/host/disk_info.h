/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks below PCI functions, by what is printed on them: what tells twin drives apart. */
#ifndef DISKINFO_H
#define DISKINFO_H

#include "machine.h"

#include "device.h"

#define DISK_LIST_MAX  1024
#define DISK_TEXT_SIZE 64

struct disk_info {
	size_t function; /* index of the one it is on */
	char name[DISK_TEXT_SIZE], model[DISK_TEXT_SIZE], serial[DISK_TEXT_SIZE];
};

struct disk_list {
	struct disk_info disks[DISK_LIST_MAX];
	size_t count;
};

/* Lists the disks that drivers have found: none of a device that a guest has. */
void disk_list_read(struct disk_list *list, struct machine *machine,
		    const struct inventory *inventory);

#endif
