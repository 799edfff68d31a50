/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives devices back to the host. */
#ifndef RELEASE_H
#define RELEASE_H

#include "machine.h"

/*
 * Clears the device's override, unbinds it from a guest's driver and has it probed anew.
 * Returns 0 once its links say so: no override, and no guest's driver; 1 if that was so before,
 * and nothing was done; -EPERM for a bridge, which is the host's always; or another error.
 */
int release_device(struct machine *machine, struct address address);

/* The same for every device the last report says was to be bound. Returns the first error. */
int release_all(struct machine *machine);

#endif
