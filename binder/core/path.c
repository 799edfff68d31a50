/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path.h"

#include <string.h>

/* Takes "/DD.F" off the end of path. */
static bool cut_last_hop(struct text *path, uint8_t *devfn)
{
	if (path->len < 5 || path->at[path->len - 5] != '/')
		return false;
	path->len -= 5;
	return address_parse_devfn((struct text){ path->at + path->len + 1, 4 }, devfn);
}

static bool parse_root(struct text text, struct address *root)
{
	return address_parse_bus(text, &root->domain, &root->bus);
}

bool path_is_valid(struct text path)
{
	struct address root;
	uint8_t devfn;

	if (!cut_last_hop(&path, &devfn))
		return false;
	while (memchr(path.at, '/', path.len))
		if (!cut_last_hop(&path, &devfn))
			return false;
	return parse_root(path, &root);
}

bool path_matches(struct text path, const struct inventory *inventory, size_t index)
{
	const struct device *device;
	struct address root;
	uint8_t devfn;

	/* From the end: the device's own hop is the one that differs most often. */
	do {
		if (index == NO_DEVICE || !cut_last_hop(&path, &devfn))
			return false;
		device = &inventory->devices[index];
		if (device->address.devfn != devfn)
			return false;
		index = device->above;
	} while (memchr(path.at, '/', path.len));
	return index == NO_DEVICE && parse_root(path, &root) &&
	       root.domain == device->root.domain && root.bus == device->root.bus;
}

bool path_is_beside(struct text path, const struct inventory *inventory, size_t index)
{
	const struct device *device = &inventory->devices[index];
	struct address root;
	uint8_t devfn;

	if (!cut_last_hop(&path, &devfn))
		return false;
	if (device->above != NO_DEVICE)
		return memchr(path.at, '/', path.len) &&
		       path_matches(path, inventory, device->above);
	return parse_root(path, &root) && root.domain == device->root.domain &&
	       root.bus == device->root.bus;
}

size_t path_find(struct text path, const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++)
		if (path_matches(path, inventory, i))
			return i;
	return NO_DEVICE;
}

size_t path_format(const struct inventory *inventory, size_t index, char out[PATH_SIZE])
{
	struct address root = inventory->devices[index].root;
	uint8_t hops[256];
	size_t count = 0, len;
	char name[ADDRESS_SIZE];

	for (; index != NO_DEVICE && count < sizeof(hops); index = inventory->devices[index].above)
		hops[count++] = inventory->devices[index].address.devfn;
	len = address_format(root, name) - sizeof(":DD.F") + 1;
	memcpy(out, name, len);
	while (count--) {
		out[len++] = '/';
		address_format_devfn(hops[count], out + len);
		len += 4;
	}
	return len;
}
