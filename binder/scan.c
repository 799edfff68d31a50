/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <errno.h>
#include <string.h>

#define NO_PARENT UINT64_MAX

/* A uevent is at most UEVENT_BUFFER_SIZE, 2048, bytes: linux/include/linux/kobject.h. */
#define UEVENT_SIZE 4096

/* Of one bus walk: addresses as sortable keys, and the bridge above each device. */
static uint64_t keys[DEVICE_MAX], parents[DEVICE_MAX];

static bool parse_id(struct text text, uint16_t *vendor, uint16_t *device)
{
	struct text head;
	uint64_t a, b;

	if (!text_cut(&text, ':', &head) || !text_hex(head, 1, 4, &a) || !text_hex(text, 1, 4, &b))
		return false;
	*vendor = (uint16_t)a;
	*device = (uint16_t)b;
	return true;
}

static void set_driver(struct device *device, struct text name)
{
	size_t len = name.len < DRIVER_SIZE - 1 ? name.len : DRIVER_SIZE - 1;

	memcpy(device->driver, name.at, len);
	device->passthrough = driver_is_passthrough(name);
}

/* Takes "KEY=" off the front of line. */
static bool take_key(struct text *line, const char *key, size_t len)
{
	if (line->len < len || memcmp(line->at, key, len) != 0)
		return false;
	line->at += len;
	line->len -= len;
	return true;
}

#define TAKE_KEY(line, key) take_key(line, key, sizeof(key) - 1)

bool scan_parse_uevent(struct text uevent, struct device *device)
{
	bool has_id = false, has_class = false;
	struct address address;
	struct text line;
	uint64_t class;

	while (text_cut(&uevent, '\n', &line)) {
		if (TAKE_KEY(&line, "DRIVER=")) {
			set_driver(device, line);
		} else if (TAKE_KEY(&line, "PCI_CLASS=")) {
			has_class = text_hex(line, 1, 6, &class);
			device->class = (uint32_t)class;
		} else if (TAKE_KEY(&line, "PCI_ID=")) {
			has_id = parse_id(line, &device->vendor, &device->device);
		} else if (TAKE_KEY(&line, "PCI_SUBSYS_ID=")) {
			if (!parse_id(line, &device->subvendor, &device->subdevice))
				return false;
		} else if (TAKE_KEY(&line, "PCI_SLOT_NAME=")) {
			if (!address_parse(line, &address) ||
			    !address_equal(address, device->address))
				return false;
			break; /* what follows repeats what was before */
		}
	}
	return has_id && has_class;
}

bool scan_parse_link(struct text link, struct device *device, uint64_t *parent)
{
	struct address address, last = { 0 };
	bool rooted = false, in_function = false;
	struct text name;

	*parent = NO_PARENT;
	while (text_cut(&link, '/', &name)) {
		if (name.len > 3 && !memcmp(name.at, "pci", 3) &&
		    address_parse_bus((struct text){ name.at + 3, name.len - 3 },
				      &device->root.domain, &device->root.bus)) {
			device->below_function = in_function;
			device->below = last;
			rooted = true;
			in_function = false;
		} else if (address_parse(name, &address)) {
			*parent = in_function ? address_key(last) : NO_PARENT;
			last = address;
			in_function = true;
		}
	}
	return rooted && in_function && address_equal(last, device->address);
}

static int list_devices(struct machine *machine, size_t *count)
{
	static struct dir dir;
	struct address address;
	const char *name;
	int err = dir_open(machine, PCI_DEVICES, &dir);

	*count = 0;
	if (err)
		return err;
	while ((name = dir_next(&dir, &err))) {
		if (!address_parse(text_of(name), &address))
			continue;
		if (*count == DEVICE_MAX) {
			err = -E2BIG;
			break;
		}
		keys[(*count)++] = address_key(address);
	}
	dir_close(&dir);
	return err;
}

/*
 * Sorts the keys, a byte at a time from the lowest: the kernel lists names by their hash.
 * parents[] is not needed yet and serves as the other half.
 */
static void sort_keys(size_t count)
{
	uint64_t *from = keys, *to = parents;

	for (int shift = 0; shift < 48; shift += 8) {
		size_t starts[257] = { 0 };
		uint64_t *swap = from;

		for (size_t i = 0; i < count; i++)
			starts[(from[i] >> shift & 0xff) + 1]++;
		for (int byte = 0; byte < 256; byte++)
			starts[byte + 1] += starts[byte];
		for (size_t i = 0; i < count; i++)
			to[starts[from[i] >> shift & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	/* Six passes: the keys are back where they were. */
}

/* Reads one device. Returns 1 if it vanished since it was listed, as by hot-unplug. */
static int read_device(struct machine *machine, struct device *device, uint64_t *parent)
{
	static char buffer[UEVENT_SIZE];
	char path[MACHINE_PATH_SIZE];
	ssize_t len, link_len;

	len = machine_read_attribute(machine, pci_path(path, device->address, "uevent"), buffer,
				     sizeof(buffer));
	if (len >= 0 && !scan_parse_uevent((struct text){ buffer, (size_t)len }, device))
		len = -EIO;
	/* A read that lied about its length must not find this device's text again. */
	memset(buffer, 0, len > 0 ? (size_t)len : sizeof(buffer));
	path[strlen(path) - sizeof("/uevent") + 1] = '\0';
	link_len = machine_readlink(machine, path, buffer, sizeof(buffer));
	if ((len == -ENOENT || len == -ENODEV) && link_len == -ENOENT)
		return 1;
	if (len < 0)
		return (int)len;
	if (link_len < 0)
		return (int)link_len;
	if (!scan_parse_link((struct text){ buffer, (size_t)link_len }, device, parent))
		return -EIO;
	return 0;
}

int scan(struct machine *machine, struct inventory *inventory)
{
	size_t listed;
	int err = list_devices(machine, &listed);

	if (err)
		return err;
	sort_keys(listed);
	inventory->count = 0;
	for (size_t i = 0; i < listed; i++) {
		struct device *device = &inventory->devices[inventory->count];

		*device = (struct device){ .address = address_of_key(keys[i]) };
		err = read_device(machine, device, &parents[inventory->count]);
		if (err < 0)
			return err;
		inventory->count += !err;
	}
	inventory_link(inventory, parents);
	return 0;
}
