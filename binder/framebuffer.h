/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firmware's framebuffer: in which device it lies, and how its driver lets go of it. */
#ifndef FRAMEBUFFER_H
#define FRAMEBUFFER_H

#include "device.h"
#include "machine.h"

/* Marks the devices it lies in. Returns 0 or an error. */
int framebuffer_find(struct machine *machine, struct inventory *inventory);

/* Unbinds the platform driver that draws on it, if one does. Returns 0 or an error. */
int framebuffer_release(struct machine *machine);

/* A range of addresses in /proc/iomem, both ends in it. */
struct iomem_range {
	uint64_t start, end;
	size_t device; /* index of the PCI device it belongs to */
};

/* Reads /proc/iomem line by line. */
struct iomem {
	struct inventory *inventory;
	/* The PCI devices around the last line: virtual functions lie in their physical one. */
	struct iomem_range around[4];
	size_t depth;
	struct iomem_range framebuffer; /* the last one; end 0: none yet */
};

/* Core of it, for fuzzing: one line of /proc/iomem, its end left out. */
void iomem_line(struct iomem *iomem, struct text line);

#endif
