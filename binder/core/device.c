/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device.h"

#include <string.h>

bool driver_is_passthrough(struct text name)
{
	/* In-tree variants are NAME_vfio_pci, xe has dashes: linux/drivers/vfio/pci. */
	return text_is(name, "pci-stub") || text_ends(name, "vfio-pci") ||
	       text_ends(name, "vfio_pci");
}

bool driver_is_choice(struct text name)
{
	if (name.len >= DRIVER_SIZE || !driver_is_passthrough(name))
		return false;
	/* It becomes a file name below /sys/bus/pci/drivers. */
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
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

size_t inventory_find_in_path(const struct inventory *inventory, struct text path)
{
	size_t last = NO_DEVICE;
	struct address address;
	struct text name;

	while (text_cut(&path, '/', &name))
		if (address_parse(name, &address))
			last = inventory_find(inventory, address);
	return last;
}

/* Neighbours mostly hang below the same bridge, or below the one next to it. */
static size_t find_bridge(const struct inventory *inventory, uint64_t key, size_t last)
{
	for (size_t i = last; last != NO_DEVICE && i < last + 2 && i < inventory->count; i++)
		if (address_key(inventory->devices[i].address) == key)
			return i;
	return inventory_find(inventory, address_of_key(key));
}

/* What lies below a bridge lies below the bridge's root bus; one that is gone has none. */
static void find_root(struct inventory *inventory, size_t index)
{
	struct device *device = &inventory->devices[index];
	size_t top = device->above;

	for (int hops = 0; hops < 256 && inventory->devices[top].above != NO_DEVICE; hops++)
		top = inventory->devices[top].above;
	device->root = inventory->devices[top].root;
	device->below = inventory->devices[top].below;
	device->below_function = inventory->devices[top].below_function;
}

void inventory_link(struct inventory *inventory, const uint64_t *parents)
{
	size_t last = NO_DEVICE;

	for (size_t i = 0; i < inventory->count; i++) {
		struct device *device = &inventory->devices[i];

		device->above = NO_DEVICE;
		if (parents[i] == UINT64_MAX)
			continue;
		last = find_bridge(inventory, parents[i], last);
		device->above = (uint16_t)last;
		if (last == NO_DEVICE)
			device->root = (struct address){ UINT32_MAX, UINT8_MAX, UINT8_MAX };
	}
	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->devices[i].above != NO_DEVICE)
			find_root(inventory, i);
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

bool inventory_is_in_slot(const struct inventory *inventory, size_t index, const struct slot *slot)
{
	/* No chain is longer than the number of buses in a domain. */
	for (int hops = 0; index != NO_DEVICE && hops < 256; hops++) {
		if (slot_holds(slot, &inventory->devices[index]))
			return true;
		index = inventory->devices[index].above;
	}
	return false;
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
