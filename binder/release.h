/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives devices back to the host. */
#ifndef RELEASE_H
#define RELEASE_H

#include "device.h"
#include "machine.h"

/*
 * Clears the device's override, unbinds it from a guest's driver and has it probed anew.
 * Returns 0 once its links say so: no override, and no guest's driver; 1 if that was so before,
 * and nothing was done; -EPERM for a bridge, which is the host's always; or another error.
 */
int release_device(struct machine *machine, struct address address);

/* The same without a line about it. */
int release_quietly(struct machine *machine, struct address address);

/* Reads a function's class into a device that has nothing else but its address: 0 or an error. */
int class_read(struct machine *machine, struct address address, struct device *device);

/* Of a line of the report: true if it says that a device was to be bound. */
bool parse_bound(struct text line, struct address *address);

/* The same for every device the last report says was to be bound. Returns the first error. */
int release_all(struct machine *machine);

#endif
