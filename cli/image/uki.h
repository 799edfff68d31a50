/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unified kernel images: an initramfs inside a program of the firmware's format, as its section
 * .initrd (UAPI Group Specifications: Unified Kernel Image).
 */
#ifndef UKI_H
#define UKI_H

#include "text.h"

/* True for a program in the firmware's format, PE. */
bool uki_is(struct text file);

/* What a section of it holds: .linux, .initrd, .cmdline; nothing where there is none. */
struct text uki_section(struct text file, const char *name);

#endif
