/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which device shows the boot's picture, by evidence. Part of the core.
 *
 * Functions of class 03xx in one slot are heads of one card, and one screen: what is true of one is
 * true of all. A virtual function is never a screen, nor a head of one.
 */
#ifndef DISPLAY_H
#define DISPLAY_H

#include "device.h"

/* What there is to go by; the first kind that says anything counts. */
enum evidence {
	EVIDENCE_FIRMWARE,    /* the firmware's framebuffer, or a DRM driver's boot_display */
	EVIDENCE_BOOT_VGA,    /* the kernel's mark, on VGA-class devices only */
	EVIDENCE_ONLY_SCREEN, /* there is just one */
	EVIDENCE_NONE,
};

enum picture { PICTURE_YES, PICTURE_NO, PICTURE_UNKNOWN };

/* A device of class 03xx other than 0302, and whatever else holds the firmware's framebuffer. */
bool device_is_screen(const struct device *device);

/* The same, or a head of a card that has one. */
bool display_has_screen(const struct inventory *inventory, size_t index);

/* True if both are heads of one card, or one and the same device. */
bool display_same_card(const struct device *a, const struct device *b);

/* The first head at or behind the place at of the card that index is of, or NO_DEVICE. */
size_t display_head(const struct inventory *inventory, size_t index, size_t at);

/*
 * The facts the evidence needs of a device of class 03xx. Until they and the machine's
 * FACT_FRAMEBUFFER are known, display_evidence() must not be believed.
 */
unsigned display_facts(const struct device *device);

enum evidence display_evidence(const struct inventory *inventory);

/* Whether the device shows the picture, going by that evidence. */
enum picture display_picture(enum evidence evidence, const struct inventory *inventory,
			     size_t index);

#endif
