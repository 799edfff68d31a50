/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "blocks.h"

#include "base/complain.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#define NVME_SUBSYSTEMS "sys/class/nvme-subsystem/"

void blocks_begin(struct blocks *blocks, enum purpose why, const char *mount)
{
	blocks->count = blocks->followed = 0;
	blocks->host->why = why;
	blocks->host->mount = mount;
}

static void append(struct blocks *blocks, dev_t list[BLOCKS_MAX], size_t *count, dev_t device)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == device)
			return;
	if (*count == BLOCKS_MAX)
		blocks->lost = true;
	else
		list[(*count)++] = device;
}

void blocks_add(struct blocks *blocks, dev_t device)
{
	append(blocks, blocks->met, &blocks->met_count, device);
	append(blocks, blocks->devices, &blocks->count, device);
}

bool block_parse_number(struct text text, dev_t *device)
{
	uint32_t major_number, minor_number;
	struct text major_text;

	if (!text_cut(&text, ':', &major_text) || !text.at ||
	    !text_number(major_text, 0xfff, &major_number) || /* 12 and 20 bits: linux/kdev_t.h */
	    !text_number(text, 0xfffff, &minor_number))
		return false;
	*device = makedev(major_number, minor_number);
	return true;
}

bool block_number(struct machine *machine, const char *dir, const char *name, dev_t *device)
{
	char path[MACHINE_PATH_SIZE], text[32];
	ssize_t len;

	if (!join(path, sizeof(path), dir, name, "/dev"))
		return false;
	len = machine_read_attribute(machine, path, text, sizeof(text));
	if (len > 0 && text[len - 1] == '\n')
		len--;
	return len > 0 && block_parse_number((struct text){ text, (size_t)len }, device);
}

/* The link to a device from its number; path gets the link's own place. */
static struct text read_link(struct machine *machine, dev_t device, char path[MACHINE_PATH_SIZE],
			     char link[MACHINE_PATH_SIZE])
{
	ssize_t len;

	(void)snprintf(path, MACHINE_PATH_SIZE, "sys/dev/block/%u:%u", major(device),
		       minor(device));
	len = machine_readlink(machine, path, link, MACHINE_PATH_SIZE);
	return (struct text){ link, len > 0 ? (size_t)len : 0 };
}

static struct text last_name(struct text link)
{
	struct text name = { 0 };

	while (text_cut(&link, '/', &name))
		;
	return name;
}

bool block_name(struct machine *machine, dev_t device, char name[BLOCK_NAME_SIZE])
{
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	struct text last = last_name(read_link(machine, device, path, link));

	(void)snprintf(name, BLOCK_NAME_SIZE, "%.*s", (int)last.len, last.at);
	return last.len && last.len < BLOCK_NAME_SIZE;
}

/* Finds a directory in the link whose name begins so. */
static bool leads_through(struct text link, const char *prefix, struct text *found)
{
	size_t len = strlen(prefix);

	while (text_cut(&link, '/', found))
		if (found->len >= len && !memcmp(found->at, prefix, len))
			return true;
	return false;
}

/* The directory behind the one of that name. */
static bool find_behind(struct text link, const char *name, struct text *found)
{
	struct text piece;

	while (text_cut(&link, '/', &piece))
		if (text_is(piece, name))
			return text_cut(&link, '/', found);
	return false;
}

/* Adds what the device, or the whole device a partition is on, stands on. */
static bool add_slaves(struct blocks *blocks, const char *device_path)
{
	char path[MACHINE_PATH_SIZE];
	bool any = false;
	struct dir dir;
	const char *name;
	dev_t slave;
	int err;

	if (!join(path, sizeof(path), device_path, "/partition", ""))
		return false;
	(void)join(path, sizeof(path), device_path,
		   machine_has(blocks->host->machine, path) ? "/.." : "", "/slaves/");
	if (dir_open(blocks->host->machine, path, &dir))
		return false;
	while ((name = dir_next(&dir, &err))) {
		any = true;
		if (block_number(blocks->host->machine, path, name, &slave))
			blocks_add(blocks, slave);
		else
			blocks->lost = true;
	}
	dir_close(&dir);
	return any;
}

/* Notes the far end of an NVMe controller: linux/drivers/nvme/host/fabrics.c:nvmf_get_address. */
static void add_controller_peer(struct blocks *blocks, const char *controller_path)
{
	static const char key[] = "traddr=";
	char path[MACHINE_PATH_SIZE], text[256];
	struct text rest, item;
	ssize_t len;

	if (!join(path, sizeof(path), controller_path, "/address", ""))
		return;
	len = machine_read_attribute(blocks->host->machine, path, text, sizeof(text));
	rest = (struct text){ text, len > 0 ? (size_t)len : 0 };
	while (text_cut(&rest, ',', &item))
		if (item.len >= sizeof(key) && !memcmp(item.at, key, sizeof(key) - 1))
			host_use_peer(blocks->host, (struct text){ item.at + sizeof(key) - 1,
								   item.len - sizeof(key) + 1 });
}

static bool is_network_transport(struct blocks *blocks, const char *controller_path)
{
	char path[MACHINE_PATH_SIZE], text[32];
	ssize_t len;

	if (!join(path, sizeof(path), controller_path, "/transport", ""))
		return false;
	len = machine_read_attribute(blocks->host->machine, path, text, sizeof(text));
	return len > 0 && (!strncmp(text, "tcp", 3) || !strncmp(text, "rdma", 4));
}

/*
 * With native multipath a disk is the head of a subsystem, and only the links of the
 * subsystem's controllers lead to functions: linux/drivers/nvme/host/core.c.
 */
static bool follow_nvme(struct blocks *blocks, struct text subsystem)
{
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE], controller[2 * MACHINE_PATH_SIZE];
	bool found = false;
	struct dir dir;
	const char *name;
	int err;

	(void)snprintf(path, sizeof(path), NVME_SUBSYSTEMS "%.*s/", (int)subsystem.len,
		       subsystem.at);
	if (dir_open(blocks->host->machine, path, &dir))
		return false;
	while ((name = dir_next(&dir, &err))) {
		ssize_t len;

		(void)snprintf(controller, sizeof(controller), "%s%s", path, name);
		if (strncmp(name, "nvme", 4) != 0)
			continue;
		len = machine_readlink(blocks->host->machine, controller, link, sizeof(link));
		if (len <= 0) /* a head, not a link to a controller */
			continue;
		if (host_use_mark(blocks->host, (struct text){ link, (size_t)len })) {
			found = true;
		} else if (is_network_transport(blocks, controller)) {
			add_controller_peer(blocks, controller);
			found = true;
		}
	}
	dir_close(&dir);
	return found;
}

/* Block devices without anything below them in sysfs: where their data is, by name. */
enum home {
	HOME_UNKNOWN,
	HOME_MEMORY,
	HOME_FILE,
	HOME_NETWORK,
	HOME_POOL,
};

static enum home home_of(struct text name)
{
	static const struct {
		const char *prefix;
		enum home home;
	} homes[] = {
		{ "ram", HOME_MEMORY },  { "zram", HOME_MEMORY }, { "loop", HOME_FILE },
		{ "nbd", HOME_NETWORK }, { "rbd", HOME_NETWORK }, { "etherd", HOME_NETWORK },
		{ "zd", HOME_POOL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		size_t len = strlen(homes[i].prefix);

		if (name.len > len && !memcmp(name.at, homes[i].prefix, len))
			return homes[i].home;
	}
	return HOME_UNKNOWN;
}

/* A device of the kernel's own making, below /sys/devices/virtual. */
static bool follow_virtual(struct blocks *blocks, struct text link)
{
	struct text name;

	if (find_behind(link, "nvme-subsystem", &name))
		return follow_nvme(blocks, name);
	switch (home_of(last_name(link))) {
	case HOME_UNKNOWN:
		return false;
	case HOME_FILE:
		blocks->loop = true;
		return true;
	case HOME_POOL:
		blocks->zvol = true;
		return true;
	case HOME_MEMORY:
	case HOME_NETWORK: /* over the default route, which is the host's in any case */
		return true;
	}
	__builtin_unreachable();
}

/* Returns false for a device that leads nowhere we know. */
static bool follow(struct blocks *blocks, dev_t device)
{
	char path[MACHINE_PATH_SIZE], buffer[MACHINE_PATH_SIZE];
	struct text link = read_link(blocks->host->machine, device, path, buffer), name;

	if (!link.len)
		return false;
	if (host_use_mark(blocks->host, link) || add_slaves(blocks, path))
		return true;
	if (leads_through(link, "session", &name)) {
		char text[PEER_SIZE];
		ssize_t len;

		/*
		 * The far end of an iSCSI session, a directory sessionN in the disk's path:
		 * linux/drivers/scsi/scsi_transport_iscsi.c.
		 */
		(void)snprintf(path, sizeof(path),
			       "sys/class/iscsi_connection/connection%.*s:0/persistent_address",
			       (int)name.len - 7, name.at + 7);
		len = machine_read_attribute(blocks->host->machine, path, text, sizeof(text));
		if (len > 1)
			host_use_peer(blocks->host, (struct text){ text, (size_t)len - 1 });
	}
	/* What is real and on no PCI bus, as eMMC of a SoC, no rule can take from the host. */
	return !leads_through(link, "virtual", &name) || follow_virtual(blocks, link);
}

void blocks_follow(struct blocks *blocks)
{
	while (blocks->followed < blocks->count) {
		dev_t device = blocks->devices[blocks->followed++];
		char name[BLOCK_NAME_SIZE] = "";

		if (follow(blocks, device))
			continue;
		blocks->lost = true;
		(void)block_name(blocks->host->machine, device, name);
		warn("block device %u:%u %s: what it stands on cannot be told", major(device),
		     minor(device), name);
	}
}
