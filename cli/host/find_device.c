/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "find_device.h"

#include "base/complain.h"
#include "identity.h"
#include "protect/block_source.h"
#include "protect/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* True for what carries one disk: NVMe, and virtio-blk by its two ids (Virtio 1.2, 4.1.2). */
static bool has_one_disk(const struct device *device)
{
	return device->class == CLASS_NVME ||
	       (device->vendor == 0x1af4 && (device->device == 0x1001 || device->device == 0x1042));
}

static size_t find_by_number(struct host *host, const char *kind, dev_t number)
{
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "sys/dev/%s/%u:%u", kind, major(number), minor(number));
	len = machine_readlink(&host->judged.machine, path, link, sizeof(link));
	return len > 0 ? inventory_find_in_path(&host->judged.inventory,
						(struct text){ link, (size_t)len }) :
			 NO_DEVICE;
}

/* True if the host uses something below the bridge at index, as it does of every one above it. */
static bool is_above_used(const struct host_use *use, size_t index)
{
	for (size_t i = 0; i < use->inventory->count; i++)
		if (use->uses[i] && inventory_is_below(use->inventory, i, index))
			return true;
	return false;
}

/* The functions a device of the kernel's own making stands on, bridges left out. */
static size_t find_below(struct host *host, const char *what, dev_t number, int *code)
{
	static struct host_use use;
	static struct blocks blocks;
	size_t found = NO_DEVICE;

	use = (struct host_use){ .machine = &host->judged.machine,
				 .inventory = &host->judged.inventory };
	blocks = (struct blocks){ .host = &use };
	blocks_begin(&blocks, FOR_STORAGE, NULL);
	blocks_add(&blocks, number);
	blocks_follow(&blocks);
	for (size_t i = 0; i < use.inventory->count; i++) {
		if (!use.uses[i] || is_above_used(&use, i))
			continue;
		if (found != NO_DEVICE) {
			*code = complain(EXIT_USAGE,
					 "%s stands on several devices: name one by its address",
					 what);
			return NO_DEVICE;
		}
		found = i;
	}
	return found;
}

/* Fills in the number of a character device; sysfs lists those apart from block devices. */
static bool find_character_node(struct machine *machine, const char *path, dev_t *number)
{
	int fd = machine_openat(machine, path + 1, O_PATH);
	struct stat st;
	bool found;

	if (fd < 0)
		return false;
	found = !fstat(fd, &st) && S_ISCHR(st.st_mode);
	*number = found ? st.st_rdev : 0;
	(void)close(fd);
	return found;
}

static int find_node(struct host *host, const char *what, size_t *index)
{
	const struct device *device;
	char address[ADDRESS_SIZE];
	int code = EXIT_NO_DEVICE, err;
	dev_t number;

	*index = NO_DEVICE;
	if (host->from_file)
		return complain(EXIT_USAGE, "%s: a machine file has no nodes, only addresses",
				what);
	err = source_find_node(&host->judged.machine, what, &number);
	if (!err)
		*index = find_by_number(host, "block", number);
	if (!err && *index == NO_DEVICE)
		*index = find_below(host, what, number, &code);
	if (err == -ENOENT && find_character_node(&host->judged.machine, what, &number))
		*index = find_by_number(host, "char", number);
	if (*index != NO_DEVICE) {
		device = &host->judged.inventory.devices[*index];
		(void)address_format(device->address, address);
		if (!has_one_disk(device))
			warn("%s is on %s: everything else on it goes along", what, address);
		return EXIT_AS_CONFIGURED;
	}
	if (err == -EACCES)
		return complain(EXIT_PERMISSION, "%s: %s", what, strerror(EACCES));
	if (code == EXIT_NO_DEVICE)
		(void)complain(EXIT_NO_DEVICE, "%s: it leads to no PCI function", what);
	return code;
}

int what_find(struct host *host, const char *what, size_t *index)
{
	struct address address;

	if (what[0] == '/')
		return find_node(host, what, index);
	if (!address_parse(text_of(what), &address))
		return complain(EXIT_USAGE,
				"%s: expected an address, [DDDD:]BB:DD.F, or a node, /dev/...",
				what);
	return host_find(host, what, index);
}
