/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "display.h"

bool device_is_screen(const struct device *device)
{
	return device->framebuffer || (device_has_base_class(device, CLASS_BASE_DISPLAY) &&
				       device_class16(device) != CLASS_DISPLAY_3D);
}

unsigned display_facts(const struct device *device)
{
	unsigned facts = 0;

	if (device_class16(device) == CLASS_DISPLAY_VGA)
		facts |= FACT_BOOT_VGA;
	if (device->driver[0])
		facts |= FACT_DRM;
	return facts;
}

static bool firmware_says(const struct device *device)
{
	return device->framebuffer || ((device->known & FACT_DRM) && device->boot_display);
}

/* The file is there for VGA devices only: drivers/pci/pci-sysfs.c:pci_dev_attrs_are_visible */
static bool has_boot_vga(const struct device *device)
{
	return (device->known & FACT_BOOT_VGA) && device->boot_vga != BOOT_VGA_NO_FILE;
}

enum evidence display_evidence(const struct inventory *inventory)
{
	enum evidence evidence = EVIDENCE_NONE;
	size_t screens = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];

		if (!device_has_base_class(device, CLASS_BASE_DISPLAY) && !device->framebuffer)
			continue;
		if (firmware_says(device))
			return EVIDENCE_FIRMWARE;
		if (has_boot_vga(device) && device->boot_vga == 1)
			evidence = EVIDENCE_BOOT_VGA;
		screens += device_is_screen(device);
	}
	if (evidence == EVIDENCE_NONE && screens == 1)
		evidence = EVIDENCE_ONLY_SCREEN;
	return evidence;
}

enum picture display_picture(enum evidence evidence, const struct device *device)
{
	if (evidence == EVIDENCE_FIRMWARE)
		return firmware_says(device) ? PICTURE_YES : PICTURE_NO;
	if (!device_is_screen(device))
		return PICTURE_NO; /* a 0302 device without the framebuffer, or no display at all */
	switch (evidence) {
	case EVIDENCE_FIRMWARE: /* told above */
	case EVIDENCE_BOOT_VGA:
		if (!has_boot_vga(device))
			return PICTURE_UNKNOWN;
		return device->boot_vga == 1 ? PICTURE_YES : PICTURE_NO;
	case EVIDENCE_ONLY_SCREEN:
		return PICTURE_YES;
	case EVIDENCE_NONE:
		return PICTURE_UNKNOWN;
	}
	return PICTURE_UNKNOWN;
}
