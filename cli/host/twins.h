/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices with the same id, which a person, or ids= of vfio-pci, would take for one another. */
#ifndef TWINS_H
#define TWINS_H

#include "device.h"

struct twins {
	/* The which-th of how many there are, in address order; both are 0 for a device without. */
	uint16_t which[DEVICE_MAX], of[DEVICE_MAX];
};

/*
 * Memory controllers, bridges, the likes of timers, sensors, and what AMD has on every die: nobody
 * gives those to a guest.
 */
bool is_chipset(const struct device *device);

/* Not among parts of the chipset. twins starts out all zero. */
void twins_find(struct twins *twins, const struct inventory *inventory);

#endif
