/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual functions in the making: linux/drivers/pci/iov.c. While sriov_drivers_autoprobe of
 * their physical function is 0, no driver of the host sees one; an override binds it all the same:
 * linux/drivers/pci/pci-driver.c:pci_device_can_probe. Errors are negative errno values.
 */
#ifndef SRIOV_H
#define SRIOV_H

#include "boot.h"

/* Keeps the host's drivers from virtual functions that a rule may choose, before they are made. */
void sriov_hold(struct boot *boot);

/* Makes the virtual functions that rules ask for, of those that have their host driver by now. */
void sriov_make(struct boot *boot);

/*
 * True if the kernel has made all virtual functions that physfn is to have. Waits for the last one
 * to be complete: linux/drivers/pci/iov.c:sriov_numvfs_show takes the lock that is held meanwhile.
 */
bool sriov_is_complete(struct machine *machine, struct address physfn);

/* The physical function of the one at address. -ENOENT if it is no virtual function. */
int sriov_physfn(struct machine *machine, struct address address, struct address *physfn);

/* Writes sriov_drivers_autoprobe. */
int sriov_autoprobe(struct machine *machine, struct address physfn, bool on);

/* True if host drivers are kept from the virtual functions of physfn. */
bool sriov_is_held(struct machine *machine, struct address physfn);

/* Has the function probed by the host's drivers, virtual ones that are held back too. */
int sriov_probe(struct machine *machine, struct address address);

#endif
