/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads vfio-pci and what it needs, as the image build planned it. */
#ifndef MODULES_H
#define MODULES_H

#include "boot.h"

#define PLAN_FILE PAYLOAD_DIR "/plan"

/*
 * Reads the plan of modules, PLAN_FILE or a copy of it: its steps, or what is wrong with it. Of
 * another kernel than the one that runs it says nothing.
 */
void plan_read(struct judgement *judged, const char *path);

/*
 * Where there is no plan, and driver=auto is asked for: what the kernel's own modules.alias says of
 * variants, for modprobe to load. So in a root that is booted without an image of ours.
 */
void plan_replace(struct judgement *judged);

/*
 * Loads the plan's modules in order; one that is loaded or built in already is success. Where
 * there is no plan for the running kernel, runs modprobe for each driver that a device is to have.
 * Logs what fails: what it keeps from being bound, the links tell. Does nothing where the tree
 * is not the running machine.
 */
void modules_load(struct boot *boot);

/* The driver that a device of the plan is to have, as its rule or a variant line spells it. */
struct text driver_asked(const struct boot *boot, size_t index);

/*
 * Loads one module of the payload, with its parameters. Returns 0, also where it is loaded
 * already, or an error.
 */
int module_load(struct machine *machine, struct text file, const char *params);

/*
 * Finds the drivers of the devices that are bound: whether they are there, and by which name,
 * as in that "-" and "_" are the same. Returns true if all of them are there.
 */
bool drivers_find(struct boot *boot);

/* Loads what the host has for the function at address, as udev would. Returns 0 or an error. */
int modules_load_alias(struct boot *boot, struct address address);

/* What was found of it, or NULL. */
const struct sought_driver *driver_sought(const struct boot *boot, struct text asked);

/* True if the driver is there to be bound to. */
bool driver_exists(struct boot *boot, struct text driver);

#endif
