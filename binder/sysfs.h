/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attributes a device is bound by: linux/Documentation/ABI/testing/sysfs-bus-pci and
 * sysfs-bus-pci-drivers. Each function returns 0 or a negative errno.
 */
#ifndef SYSFS_H
#define SYSFS_H

#include "device.h"
#include "machine.h"

/* Writes the override unless it says so already. */
int override_set(struct machine *machine, struct address address, struct text driver);

/* True if there is an override, whichever; an attribute that cannot be read has one. */
bool override_is_set(struct machine *machine, struct address address);
int override_clear(struct machine *machine, struct address address);

/* The driver that has the device, empty for none: not what it was told, what is. */
int driver_read(struct machine *machine, struct address address, char driver[DRIVER_SIZE]);

/* sys/bus/pci/drivers/DRIVER and the attribute; false if it is too long to be a driver's. */
bool driver_path(char out[MACHINE_PATH_SIZE], struct text driver, const char *attribute);

int driver_unbind(struct machine *machine, struct address address, struct text driver);

/*
 * Takes out of a driver all that an ids= or new_id brought for this vendor and device: else the
 * next probe gives it what was just taken from it.
 */
void driver_forget_id(struct machine *machine, struct text driver, uint16_t vendor,
		      uint16_t device);

/* The errno of the driver's probe, unlike driver_probe(). */
int driver_bind(struct machine *machine, struct address address, struct text driver);

/* Offers the device to whatever driver takes it. Succeeds if none does. */
int driver_probe(struct machine *machine, struct address address);

#endif
