/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without an IOMMU group a device goes to no vfio driver unless vfio's parameter
 * enable_unsafe_noiommu_mode is set: linux/drivers/vfio/group.c:vfio_device_set_group.
 */
#ifndef NOIOMMU_H
#define NOIOMMU_H

#include "host.h"

#define NOIOMMU_PARAMETER "enable_unsafe_noiommu_mode"

/* True if parameters, as modprobe.d has them and the kernel command line, set it for vfio. */
bool noiommu_is_set(struct text parameters, struct text cmdline);

/* True if the device has no group, and the driver would not take it so and does not have it now. */
bool noiommu_counts(const struct host *host, size_t index, struct text driver);

/* True if the kernel of the host is known to have the parameter. */
bool noiommu_is_known(struct host *host);

/*
 * What to do, if that driver will not take a device of the host at the next boot: the kernel was
 * built without the parameter, or nothing sets it, no command line and no modprobe.d. NULL if it
 * will, or has it now, or nobody can tell: of a machine file, and without the kernel's configuration.
 */
const char *noiommu_advice(struct host *host, size_t index, struct text driver);

#endif
