/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "display.h"

static inline bool may_show_picture(const struct device *device)
{
	return device->framebuffer || device_has_base_class(device, CLASS_BASE_DISPLAY);
}

bool device_is_screen(const struct device *device)
{
	if (device->is_virtual)
		return false;
	return device->framebuffer || (device_has_base_class(device, CLASS_BASE_DISPLAY) &&
				       device_class16(device) != CLASS_DISPLAY_3D);
}

unsigned display_facts(const struct device *device)
{
	unsigned facts = FACT_PHYSFN | FACT_HEADER; /* the latter tells what cannot be read */

	if (device_class16(device) == CLASS_DISPLAY_VGA)
		facts |= FACT_BOOT_VGA;
	if (device->driver[0])
		facts |= FACT_DRM;
	return facts;
}

static bool is_head(const struct device *device)
{
	return device_has_base_class(device, CLASS_BASE_DISPLAY) && !device->is_virtual;
}

bool display_same_card(const struct device *a, const struct device *b)
{
	return address_equal(a->address, b->address) ||
	       (is_head(a) && is_head(b) && address_same_slot(a->address, b->address));
}

size_t display_head(const struct inventory *inventory, size_t index, size_t at)
{
	const struct device *device = &inventory->devices[index];
	size_t start = index;

	/* Functions of one slot stand together. */
	while (start && address_same_slot(inventory->devices[start - 1].address, device->address))
		start--;
	for (at = at < start ? start : at;
	     at < inventory->count &&
	     address_same_slot(inventory->devices[at].address, device->address);
	     at++)
		if (display_same_card(&inventory->devices[at], device))
			return at;
	return NO_DEVICE;
}

bool display_has_screen(const struct inventory *inventory, size_t index)
{
	size_t i = display_head(inventory, index, 0);

	for (; i != NO_DEVICE; i = display_head(inventory, index, i + 1))
		if (device_is_screen(&inventory->devices[i]))
			return true;
	return false;
}

static bool firmware_says(const struct device *device)
{
	return !device->is_virtual &&
	       (device->framebuffer || ((device->known & FACT_DRM) && device->boot_display));
}

/* The file is there for VGA devices only: drivers/pci/pci-sysfs.c:pci_dev_attrs_are_visible */
static bool has_boot_vga(const struct device *device)
{
	return (device->known & FACT_BOOT_VGA) && device->boot_vga != BOOT_VGA_NO_FILE;
}

/* A screen, or what may be one, and no second head of the card before it. */
static bool counts_as_screen(const struct inventory *inventory, size_t index)
{
	const struct device *device = &inventory->devices[index];

	if (!device_is_screen(device))
		return device->unreadable & FACT_IDENTITY; /* it may be one */
	for (size_t i = display_head(inventory, index, 0); i < index;
	     i = display_head(inventory, index, i + 1))
		if (device_is_screen(&inventory->devices[i]))
			return false;
	return true;
}

enum evidence display_evidence(const struct inventory *inventory)
{
	enum evidence evidence = EVIDENCE_NONE;
	size_t screens = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];

		/* Most functions are no displays. */
		if (!may_show_picture(device) && !(device->unreadable & FACT_IDENTITY))
			continue;
		screens += counts_as_screen(inventory, i);
		if (!is_head(device) && !device->framebuffer)
			continue;
		if (firmware_says(device))
			return EVIDENCE_FIRMWARE;
		if (has_boot_vga(device) && device->boot_vga == 1)
			evidence = EVIDENCE_BOOT_VGA;
	}
	if (evidence == EVIDENCE_NONE && screens == 1)
		evidence = EVIDENCE_ONLY_SCREEN;
	return evidence;
}

/* What the evidence says of one screen by itself. */
static enum picture picture_of(enum evidence evidence, const struct device *device)
{
	switch (evidence) {
	case EVIDENCE_FIRMWARE:
		return firmware_says(device) ? PICTURE_YES : PICTURE_NO;
	case EVIDENCE_BOOT_VGA:
		if (!has_boot_vga(device))
			return PICTURE_UNKNOWN;
		return device->boot_vga == 1 ? PICTURE_YES : PICTURE_NO;
	case EVIDENCE_ONLY_SCREEN:
		return PICTURE_YES;
	case EVIDENCE_NONE:
		break;
	}
	return PICTURE_UNKNOWN;
}

enum picture display_picture(enum evidence evidence, const struct inventory *inventory,
			     size_t index)
{
	const struct device *device = &inventory->devices[index];
	enum picture picture = PICTURE_UNKNOWN;
	bool screen = false;
	size_t i;

	/* Most functions are no displays: that spares them a walk through their slot. */
	if (!may_show_picture(device))
		return PICTURE_NO;
	for (i = display_head(inventory, index, 0); i != NO_DEVICE;
	     i = display_head(inventory, index, i + 1)) {
		const struct device *head = &inventory->devices[i];
		enum picture own = picture_of(evidence, head);

		/* The firmware may say it of a head that is no screen, as of a 0302. */
		if (!device_is_screen(head) &&
		    !(evidence == EVIDENCE_FIRMWARE && own == PICTURE_YES))
			continue;
		screen = true;
		if (own == PICTURE_YES)
			return PICTURE_YES;
		if (own == PICTURE_NO)
			picture = PICTURE_NO;
	}
	return screen ? picture : PICTURE_NO;
}
