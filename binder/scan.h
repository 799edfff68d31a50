/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fills the inventory from sysfs: what every device shows in one uevent and one link. */
#ifndef SCAN_H
#define SCAN_H

#include "device.h"
#include "machine.h"

/*
 * Reads all PCI devices, in address order, into an inventory that is all zero. Returns 0, -E2BIG
 * for more than DEVICE_MAX, or another error: then machine->failed says at what, and the
 * inventory must not be used, for a device that was not seen could be the host's last screen.
 */
int scan(struct machine *machine, struct inventory *inventory);

/*
 * Core of the two reads, for fuzzing: a device's uevent (linux/drivers/pci/pci-driver.c:
 * pci_uevent) and its link in PCI_DEVICES, which ends in its own name. *parent becomes the key of
 * the bridge above, or all ones on a root bus. Both return false for what no kernel writes.
 */
bool scan_parse_uevent(struct text uevent, struct device *device);
bool scan_parse_link(struct text link, size_t name_len, struct device *device, uint64_t *parent);

#endif
