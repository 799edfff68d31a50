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

/* Reads /proc/iomem line by line. */
struct iomem {
	struct inventory *inventory;
	struct {
		unsigned indent;
		size_t device; /* index of the PCI device this range belongs to, or NO_DEVICE */
	} ranges[16];
	size_t depth;
};

/* Core of it, for fuzzing: one line of /proc/iomem, its end left out. */
void iomem_line(struct iomem *iomem, struct text line);

#endif
