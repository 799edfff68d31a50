/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI addresses, in the form the kernel names devices by: DDDD:BB:DD.F, all hex. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/* The longest address, ffffffff:ff:1f.7, and its NUL. */
#define ADDRESS_SIZE 17

struct address {
	uint32_t domain; /* 16 bits on most machines, VMD starts at 10000 */
	uint8_t bus;
	uint8_t devfn; /* device << 3 | function, as in PCI_DEVFN() of linux/pci.h */
};

/* The same order as the kernel's names sort in, and equal only for equal addresses. */
static inline uint64_t address_key(struct address address)
{
	return (uint64_t)address.domain << 16 | (uint64_t)address.bus << 8 | address.devfn;
}

struct address address_of_key(uint64_t key);
bool address_equal(struct address a, struct address b);
bool address_same_slot(struct address a, struct address b);

/* Reads [DDDD:]BB:DD.F, domain of 4 to 8 digits. */
bool address_parse(struct text text, struct address *address);

/* The same, or with "*" for the function. */
bool address_parse_pattern(struct text text, struct address *address, bool *any_function);

/* Reads DD.F. */
bool address_parse_devfn(struct text text, uint8_t *devfn);

/* Reads DDDD:BB. */
bool address_parse_bus(struct text text, uint32_t *domain, uint8_t *bus);

/* Writes the kernel's name of address and a NUL; returns its length. */
size_t address_format(struct address address, char out[ADDRESS_SIZE]);

/* Writes "DD.F" and a NUL. */
void address_format_devfn(uint8_t devfn, char out[5]);

#endif
