/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * driver=auto: a function gets the vfio variant that was made for it. Which those are say the
 * variant lines of the plan of modules. Part of the core.
 */
#ifndef VARIANT_H
#define VARIANT_H

#include "device.h"
#include "rule.h"

/* What file2alias puts before the ids of a driver that binds by override: linux/pci.h. */
#define VARIANT_PREFIX "vfio_pci:"

/*
 * True if the alias, of a variant line, is the device's. wildcards becomes the number of its
 * fields that match anything, 7 at most.
 */
bool variant_matches(struct text alias, const struct device *device, unsigned *wildcards);

/*
 * The driver whose alias matches the device with the fewest wildcards, of several the first: that
 * is libvirt's choice (src/util/virpci.c:virPCIDeviceFindBestVFIOVariant). vfio-pci where none
 * does. steps is the plan of modules behind its head.
 */
struct text variant_for(struct text steps, const struct device *device);

/*
 * The name of a driver in a variant line, by its module's; empty for one that no rule may name: a
 * device that has it would be taken for one of the host's.
 */
struct text variant_driver(struct text module);

/* True if the line, of modules.alias, is that of a variant: "alias ALIAS MODULE". */
bool variant_parse(struct text line, struct text *driver, struct text *alias);

/* True if a rule says driver=auto. */
bool policy_asks_auto(const struct policy *policy);

/* The driver the rule gives the device to, however it is spelled. */
struct text rule_driver(const struct rule *rule, struct text steps, const struct device *device);

#endif
