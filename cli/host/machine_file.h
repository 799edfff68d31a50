/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine as text: one line a PCI function, and before them `#key value` lines for what no
 * such line can say. `vfio-bind dump` writes it, every reading command takes it.
 *
 *	#kernel RELEASE
 *	#cmdline WORDS                 the kernel command line
 *	#framebuffer ADDRESS           the firmware's framebuffer lies in it
 *	#boot-display ADDRESS          a DRM driver says it is the boot display
 *	#below DDDD:BB ADDRESS         this root bus hangs below a function (VMD); where it is not
 *	                               said, a domain past 16 bits is below the one VMD there is
 *	#header-type ADDRESS N         where the class does not tell
 *	#disk-in-use ADDRESS NAME      the name is for people
 *	#physfn ADDRESS PF N           virtual function N of the physical function PF
 *	#unreadable ADDRESS            its config space cannot be read
 *	#builtin DRIVER                holds its devices before an initramfs runs
 *	#variant DRIVER ALIAS          of the kernel's modules, what driver=auto chooses from
 *	#slot NAME DDDD:BB[:DD]        where no line below has it
 *	#protect LINE                  of the protect file, without its header; without any
 *	                               `#protect` at all nobody knows what the host needs
 *
 * A line that begins with "# " is a comment. The columns, TAB separated, "-" for none: address,
 * class, vendor:device, subvendor:subdevice, revision, driver, IOMMU group, address of the
 * bridge above (ffffffff:ff:1f.7 if it was gone meanwhile), device serial number, physical slot,
 * boot_vga (? where unknown).
 */
#ifndef MACHINEFILE_H
#define MACHINEFILE_H

#include "host.h"

#include <stdio.h>

/* Reads the file into host, or says what is wrong with it. Returns an exit code, 0 for success. */
int machinefile_read(struct host *host, const char *path);

/* The same for the file's text; host keeps nothing of it. Path is for messages only. */
int machinefile_parse(struct host *host, const char *path, struct text text);

/* Writes host, all of whose facts are known. Returns 0 or a negative errno. */
int machinefile_write(const struct host *host, FILE *out);

#endif
