/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of kinds of devices, as ids= of vfio-pci and pci-stub takes them:
 * VVVV:DDDD[:SUBVENDOR[:SUBDEVICE[:CLASS[:MASK]]]][,...], linux/drivers/vfio/pci/vfio_pci.c:
 * vfio_pci_fill_ids.
 */
#ifndef KINDS_H
#define KINDS_H

#include "conf_file.h"
#include "device.h"

struct kind {
	struct text text; /* as it stands in the list */
	uint32_t vendor, device, subvendor, subdevice, class, class_mask;
};

/* Takes the next kind off the front of a list. The kernel passes over what is none, and so do we. */
bool kind_next(struct text *list, struct kind *kind);

/* True if a driver with that kind takes the device: linux/drivers/pci/pci.h:pci_match_one_device. */
bool kind_matches(const struct kind *kind, const struct device *device);

/* The list behind ids= in a module's options, or one with at NULL. The last one counts. */
struct text kinds_in_options(struct text options);

/* True for a guest's driver that takes devices by kind: vfio-pci, pci-stub. */
bool takes_kinds(struct text module);

/* True for the name of a parameter "vfio-pci.ids" of such a driver. */
bool is_kinds_parameter(struct text name);

/*
 * What a rule of udev(7) goes by: VVVV:DDDD, which is put into id, where it matches vendor and
 * device, else the kernel's name of it. Empty for neither.
 */
#define UDEV_ID_SIZE 16
struct text udev_device(struct text rule, char id[UDEV_ID_SIZE]);

/* Called with a line and the list in it; returns false to see no more. */
typedef bool (*kinds_take)(void *context, const struct conf_line *line, struct text list);

struct kinds_reading {
	kinds_take take;
	void *context;
};

/*
 * Finds udev(7)'s rules that write vfio-pci to driver_override: the list is an address if the
 * rule goes by the kernel's name, and VVVV:DDDD if it goes by vendor and device.
 * Returns 0 or the first error, which machine->failed names.
 */
int kinds_read_udev(struct machine *machine, kinds_take take, void *context);

/* A conf_take for one line of such a file, its context being a kinds_reading. */
bool kinds_take_udev(void *context, const struct conf_line *line);

#endif
