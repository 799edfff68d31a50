/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that gives a device by driver_override only to a driver that allows it, as a series of
 * November 2026 has it, unless its parameter allow_driver_override says otherwise. vfio-pci and its
 * variants allow it; pci-stub need not. What it refuses may be the write of the override, the match
 * or the probe.
 */
#ifndef OVERRIDE_GATE_H
#define OVERRIDE_GATE_H

#include "boot.h"

#define OVERRIDE_GATE "allow_driver_override"
/* All that is known where something was refused: of a driver nobody knows whether it allows it. */
#define OVERRIDE_GATED "kernel gives a device by driver_override only to a driver that allows it"
/* For people, with what override_gate() says. */
#define OVERRIDE_GATED_NEXT                                                                        \
	"This " OVERRIDE_GATED ": add %s to its command line, or name driver=vfio-pci"

/*
 * True where the running kernel is one and lets nothing else; word is then what its command line
 * has to say to lift that, "MODULE.allow_driver_override=1".
 */
bool override_gate(struct machine *machine, char word[OVERRIDE_GATE_SIZE]);

/* True where what went wrong may come of that. */
bool override_is_refused(const struct outcome *outcome);

#endif
