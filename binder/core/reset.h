/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of reset methods, as reset= has them (a comma list) and the attribute reset_method (with
 * blanks): linux/Documentation/ABI/testing/sysfs-bus-pci. Part of the core.
 */
#ifndef RESET_H
#define RESET_H

#include "text.h"

#define RESET_SIZE 128 /* all names a kernel knows, and a NUL */

/* As the kernel spells them; a later one may have more: linux/drivers/pci/pci.c */
bool reset_is_method(struct text name);

/* A bit for each of the first 32 names of asked that is not among those there are. */
unsigned reset_missing(struct text asked, struct text there);

/* Writes the names of asked whose bit in bits is set, separated so. */
void reset_list(struct text asked, unsigned bits, char separator, char out[RESET_SIZE]);

#endif
