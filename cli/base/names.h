/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of devices, from pci.ids by libpci. */
#ifndef NAMES_H
#define NAMES_H

#include "device.h"

#define NAME_TEXT_SIZE 160

/* "NVIDIA Corporation GP107 [GeForce GTX 1050 Ti]", or "" where pci.ids does not know it. */
const char *device_name(const struct device *device, char out[NAME_TEXT_SIZE]);

/* The same in two parts; each "" where it is not known. */
const char *vendor_name(const struct device *device, char out[NAME_TEXT_SIZE]);
const char *model_name(const struct device *device, char out[NAME_TEXT_SIZE]);

/*
 * Both again, the vendor without suffixes such as Corporation: "NVIDIA GP107 [GeForce ...]". Of what
 * pci.ids does not know "AMD/ATI VGA compatible controller", or class and ids: never empty.
 */
const char *device_short_name(const struct device *device, char out[NAME_TEXT_SIZE]);

/* The class by our own name, nvme or vga, or by its six hex digits. */
const char *device_class_text(const struct device *device, char out[NAME_TEXT_SIZE]);

#endif
