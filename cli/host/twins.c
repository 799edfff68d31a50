/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "twins.h"

bool is_chipset(const struct device *device)
{
	switch (device->class >> 16) {
	case 0x05:
	case 0x06:
	case 0x08:
	case 0x11:
	case 0x13:
		return true;
	default:
		return device_is_bridge(device);
	}
}

static bool are_twins(const struct device *a, const struct device *b)
{
	return a->vendor == b->vendor && a->device == b->device && a->class == b->class;
}

void twins_find(struct twins *twins, const struct inventory *inventory)
{
	const struct device *devices = inventory->devices;

	for (size_t i = 0; i < inventory->count; i++) {
		uint16_t count = 1;

		if (twins->which[i] || is_chipset(&devices[i]))
			continue;
		for (size_t j = i + 1; j < inventory->count; j++)
			if (are_twins(&devices[i], &devices[j]))
				twins->which[j] = ++count;
		if (count == 1)
			continue;
		twins->which[i] = 1;
		for (size_t j = i; j < inventory->count; j++)
			if (are_twins(&devices[i], &devices[j]))
				twins->of[j] = count;
	}
}
