/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which PCI functions a rule of udev(7) is about. Pure: text and a device in, yes or no out. */
#ifndef UDEV_RULE_H
#define UDEV_RULE_H

#include "device.h"
#include "text.h"

/* True if the rule hands what it is about to vfio-pci. */
bool udev_rule_overrides(struct text rule);

/*
 * True if the rule matches something of the function, and all of it holds: KERNEL, ATTR of its ids
 * and class, ENV of its uevent; KERNELS and ATTRS, which also look at what is above it, are only
 * compared with the function itself. Other matches are taken to hold.
 */
bool udev_rule_matches(struct text rule, const struct device *device);

/*
 * The device a rule names, if it names just one or one kind: the kernel's name of it, or VVVV:DDDD,
 * which is put into id. Else empty.
 */
#define UDEV_ID_SIZE 16
struct text udev_rule_device(struct text rule, char id[UDEV_ID_SIZE]);

#endif
