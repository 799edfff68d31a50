/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a rule asks to be written to a device before its driver has it: d3cold_allowed and
 * reset_method (linux/Documentation/ABI/testing/sysfs-bus-pci).
 */
#ifndef TUNE_H
#define TUNE_H

#include "boot.h"

/* Writes it, once, and reads it back. What cannot be had is noted in the outcome. */
void tune(struct boot *boot, size_t index);

/* What could not be had, for the report and the log; empty: nothing. */
#define TUNING_SIZE 256
void tuning_text(const struct boot *boot, size_t index, char out[TUNING_SIZE]);

#endif
