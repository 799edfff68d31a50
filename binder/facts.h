/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the facts a decision asked for, and no others. */
#ifndef FACTS_H
#define FACTS_H

#include "decide.h"
#include "disks.h"
#include "machine.h"

/*
 * Reads what is wanted and not known yet into the inventory. Disks below devices that are asked about are
 * claimed and stay so in claims. Returns 0 or an error, machine->failed saying at what.
 */
int facts_read(struct machine *machine, struct inventory *inventory, const struct wants *wants,
	       struct claims *claims);

/* The same for these facts, bits of enum fact, of the machine and of every device. */
int facts_read_all(struct machine *machine, struct inventory *inventory, unsigned facts,
		   struct claims *claims);

#define CONFIG_SIZE 4096

/*
 * Where the extended capability is in config space, with 12 bytes of it at least, or 0: PCIe 7.6.3,
 * a chain from 100h.
 */
size_t config_capability(const unsigned char *config, size_t len, unsigned id);

/* Core of the reads, for fuzzing: 4096 bytes of config space, or less, to a serial number. */
uint64_t config_dsn(const unsigned char *config, size_t len);

/* A serial_number attribute (linux/Documentation/ABI/testing/sysfs-bus-pci), or 0. */
uint64_t attribute_dsn(struct text text);

/* DDDD:BB:DD or DDDD:BB, as in /sys/bus/pci/slots/NAME/address. */
bool slot_parse_address(struct text text, struct slot *slot);

#endif
