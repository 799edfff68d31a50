/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vfio variants of a kernel, by the aliases vfio_pci:... of its modules, which
 * PCI_DRIVER_OVERRIDE_DEVICE_VFIO() of linux/pci.h gives to every one of them and to vfio-pci.
 */
#ifndef KERNEL_VARIANTS_H
#define KERNEL_VARIANTS_H

#include "host.h"

/*
 * All of them as lines of the plan of modules, in the order of modules.alias, which counts where
 * two match a device alike; behind those what is built in. Names are those of modules: whether
 * the driver has a dash the boot sees once it is loaded. To be freed; NULL without memory.
 */
char *kernel_variants(struct machine *machine, const char *release);

/* True if one of these lines is the driver's. */
bool variants_name(struct text variants, struct text driver);

/*
 * True if driver=auto gives the driver to a function of the machine, or to a virtual one that
 * could be made here.
 */
bool variants_want(struct text variants, struct machine *machine, const struct inventory *inventory,
		   struct text driver);

/*
 * Finds what the kernel has to say of driver=auto on this machine, for the host to be judged with:
 * its own kernel, or another release if that is not NULL. A machine file has said it already.
 */
void host_find_variants(struct host *host, const char *release);

/* The same, but only where a rule asks for it. */
void host_take_variants(struct host *host, const char *release);

#endif
