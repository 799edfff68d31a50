/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks, each in a file of its own. What a machine file does not hold none of them judges. */
#ifndef CHECK_H
#define CHECK_H

#include "base/conf_file.h"
#include "findings.h"

/* What guards and IOMMU groups make of the plan for the next boot. */
void check_guards(struct findings *findings);

/* Rules that bind nothing or not always the same, and our words on the kernel command line. */
void check_rules(struct findings *findings);

/* That the IOMMU is on, and remaps interrupts. */
void check_iommu(struct findings *findings);

/* True if some device is in an IOMMU group, or there is no device at all. */
bool iommu_is_on(const struct inventory *inventory);

/* Hardware in the way of giving a device that is bound to a guest. */
void check_devices(struct findings *findings);

/* Rules about virtual functions that their physical one cannot have. */
void check_virtual(struct findings *findings);

/* What else on this host binds devices, or keeps vfio-pci from being loaded. */
void check_conflicts(struct findings *findings);

/* The same of modprobe.d. */
void check_modprobe(struct findings *findings);

/* "/FILE:LINE" or "/proc/cmdline" as a sentence says it, "in /FILE:LINE". Returns out. */
#define CHECK_PLACE_SIZE (CONF_PLACE_SIZE + 8)
const char *say_place(const char *place, char out[CHECK_PLACE_SIZE]);

/*
 * A line of somebody else's that gives to vfio-pci all for which takes() is true. Tells what of that
 * the policy does not bind.
 */
typedef bool (*check_takes)(const void *context, const struct device *device);
void check_taken(struct findings *findings, check_takes takes, const void *context,
		 struct text line, const char *place);

/* The same for a list of kinds, behind ids= in a line that stands at a place. */
void check_kinds(struct findings *findings, struct text list, struct text line, const char *place);

/* Configuration of image generators that names modules which no longer exist. */
void check_generators(struct findings *findings);

/* Whether each installed kernel has the drivers, and its image this policy. */
void check_images(struct findings *findings);

/* Whether images are on trial, and how that stands. */
void check_trial(struct findings *findings);

/* Names the devices that the host keeps and that a blacklisted module leaves without a driver. */
void check_blacklisted(struct findings *findings, struct text module, struct text line,
		       const char *place);

#endif
