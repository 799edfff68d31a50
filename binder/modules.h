/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads vfio-pci and what it needs, as the image build planned it. */
#ifndef MODULES_H
#define MODULES_H

#include "boot.h"

/*
 * Loads the plan's modules in order; one that is loaded or built in already is success. Where
 * there is no plan for the running kernel, runs modprobe for each driver the policy names.
 * Logs what fails: what it keeps from being bound, the links tell. Does nothing where the tree
 * is not the running machine.
 */
void modules_load(struct boot *boot);

/*
 * Finds the drivers of the rules that bind something: whether they are there, and by which name,
 * as in that "-" and "_" are the same.
 */
void drivers_find(struct boot *boot);

/* True if the driver is there to be bound to. */
bool driver_exists(struct boot *boot, struct text driver);

#endif
