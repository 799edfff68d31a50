/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which drivers of a kernel hand a device to a guest. */
#ifndef VARIANT_H
#define VARIANT_H

#include <libkmod.h>
#include <stdbool.h>

/*
 * True for vfio-pci, pci-stub and a driver whose module has an alias vfio_pci:... in that
 * kernel's modules.alias, which PCI_DRIVER_OVERRIDE_DEVICE_VFIO() of linux/pci.h gives to
 * every vfio variant and to nothing else.
 */
bool variant_is_proven(struct kmod_ctx *kmod, const char *driver);

#endif
