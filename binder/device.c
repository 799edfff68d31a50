/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device.h"

#include <string.h>

bool driver_is_passthrough(struct text name)
{
	/* In-tree variants are NAME_vfio_pci, xe has dashes: linux/drivers/vfio/pci. */
	return text_is(name, "pci-stub") || text_ends(name, "vfio-pci") ||
	       text_ends(name, "vfio_pci");
}

unsigned device_class16(const struct device *device)
{
	return device->class >> 8;
}

bool device_has_base_class(const struct device *device, unsigned base)
{
	return device->class >> 16 == base;
}

bool device_is_bridge(const struct device *device)
{
	switch (device_class16(device)) {
	case 0x0600: /* host */
	case 0x0601: /* ISA */
	case 0x0604: /* PCI to PCI, and so every PCIe port */
	case 0x0607: /* CardBus */
	case 0x0609: /* semi-transparent PCI to PCI */
		return true;
	default:
		return (device->known & FACT_HEADER) && device->header_type == 1;
	}
}

size_t inventory_find(const struct inventory *inventory, struct address address)
{
	uint64_t key = address_key(address);
	size_t low = 0, high = inventory->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address_key(inventory->devices[middle].address) < key)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == inventory->count || address_key(inventory->devices[low].address) != key)
		return NO_DEVICE;
	return low;
}

void inventory_link(struct inventory *inventory, const uint64_t *parents)
{
	for (size_t i = 0; i < inventory->count; i++) {
		size_t above = NO_DEVICE;

		if (parents[i] != UINT64_MAX)
			above = inventory_find(inventory, address_of_key(parents[i]));
		inventory->devices[i].above = (uint16_t)above;
	}
}

bool inventory_is_below(const struct inventory *inventory, size_t index, size_t bridge)
{
	/* No chain is longer than the number of buses in a domain. */
	for (int hops = 0; hops < 256; hops++) {
		index = inventory->devices[index].above;
		if (index == NO_DEVICE)
			return false;
		if (index == bridge)
			return true;
	}
	return false;
}

bool slot_holds(const struct slot *slot, const struct device *device)
{
	if (slot->whole_bus)
		return slot->address.domain == device->address.domain &&
		       slot->address.bus == device->address.bus;
	return address_same_slot(slot->address, device->address);
}

const struct slot *inventory_slot(const struct inventory *inventory, const struct device *device)
{
	for (size_t i = 0; i < inventory->slot_count; i++)
		if (slot_holds(&inventory->slots[i], device))
			return &inventory->slots[i];
	return NULL;
}

const struct slot *inventory_slot_named(const struct inventory *inventory, struct text name)
{
	for (size_t i = 0; i < inventory->slot_count; i++)
		if (text_is(name, inventory->slots[i].name))
			return &inventory->slots[i];
	return NULL;
}
