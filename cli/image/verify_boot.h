/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boots an image in QEMU, and tells by the kernel's own words whether another driver was at a PCI
 * device before the binder had ended. It needs to know nothing of the image's generator. The boot
 * is ended as soon as that is known, long before the image would look for its root.
 */
#ifndef VERIFYBOOT_H
#define VERIFYBOOT_H

#include "image_check.h"

struct boot_request {
	const char *root;    /* where the kernel and its command line are */
	const char *image;   /* path */
	const char *release; /* of the kernel; of no use for a unified kernel image */
	bool init_is_binder;
};

/*
 * Writes what the boot proved to order, whose kind is what reading the image said. Returns an
 * exit code, after a complaint where there is no kernel or no QEMU.
 */
int verify_boot(const struct boot_request *request, struct image_check_row *order);

#endif
