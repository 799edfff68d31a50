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

/* Takes the next kind off the front of a list, and passes over what is none, as the kernel does. */
bool kind_next(struct text *list, struct kind *kind);

/* True if a driver with that kind takes the device: linux/drivers/pci/pci.h:pci_match_one_device. */
bool kind_matches(const struct kind *kind, const struct device *device);

/* True if a kind in the list matches the device. */
bool kinds_match(struct text list, const struct device *device);

/* The list behind ids= in a module's options, or one with at NULL. The last one counts. */
struct text kinds_in_options(struct text options);

/* True for a guest's driver that takes devices by kind: vfio-pci, pci-stub. */
bool takes_kinds(struct text module);

/* True for the name of a parameter "vfio-pci.ids" of such a driver. */
bool is_kinds_parameter(struct text name);

#endif
