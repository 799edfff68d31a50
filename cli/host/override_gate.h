/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that gives a device by driver_override only to a driver that allows it, as a series of
 * November 2026 has it, unless its parameter allow_driver_override says otherwise. vfio-pci and its
 * variants allow it; pci-stub need not.
 */
#ifndef OVERRIDE_GATE_H
#define OVERRIDE_GATE_H

#include "machine.h"
#include "text.h"

#define OVERRIDE_GATE_SIZE 128

/*
 * True where the running kernel is one and lets nothing else; word is then what its command line
 * has to say to lift that, "MODULE.allow_driver_override=1".
 */
bool override_gate(struct machine *machine, char word[OVERRIDE_GATE_SIZE]);

/* True for a failure, "failed: bind: ENODEV", that comes of that. */
bool override_gate_failed(struct text failure);

#endif
