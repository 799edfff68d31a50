/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "facts.h"

#include "framebuffer.h"
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SLOTS              "sys/bus/pci/slots"
#define CONFIG_HEADER_TYPE 0x0e
#define CONFIG_EXTENDED    0x100
#define CAPABILITY_DSN     0x0003

/* What is known of a machine while its facts are read. */
struct reading {
	struct machine *machine;
	struct inventory *inventory;
	struct claims *claims;
};

static int read_boot_vga(struct reading *reading, size_t index)
{
	struct device *device = &reading->inventory->devices[index];
	int value = pci_read_number(reading->machine, device->address, "boot_vga");

	if (value < 0 && value != -ENOENT)
		return value;
	device->boot_vga = value < 0 ? BOOT_VGA_NO_FILE : (int8_t)value;
	return value > 1 ? -EIO : 0;
}

static uint32_t dword(const unsigned char *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

size_t config_capability(const unsigned char *config, size_t len, unsigned id)
{
	size_t at = CONFIG_EXTENDED;

	/* A chain that turns back on itself ends after as many steps as there is room for. */
	for (int steps = 0; steps < (CONFIG_SIZE - CONFIG_EXTENDED) / 8; steps++) {
		uint32_t header;

		if (at < CONFIG_EXTENDED || at % 4 || at + 12 > len)
			return 0;
		header = dword(config + at);
		if (header == UINT32_MAX)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20;
	}
	return 0;
}

/* PCIe 7.9.3: the low dword first. */
uint64_t config_dsn(const unsigned char *config, size_t len)
{
	size_t at = config_capability(config, len, CAPABILITY_DSN);

	return at ? (uint64_t)dword(config + at + 8) << 32 | dword(config + at + 4) : 0;
}

uint64_t attribute_dsn(struct text text)
{
	union value value;

	return value_parse(SELECT_DSN, text, &value) ? value.dsn : 0;
}

static int read_config(struct reading *reading, size_t index, unsigned char *config, size_t size)
{
	struct device *device = &reading->inventory->devices[index];
	char path[MACHINE_PATH_SIZE];
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = machine_openat(reading->machine, pci_path(path, device->address, "config"), O_RDONLY);
	if (fd < 0) /* absent only if it is said twice: a lost serial number loses the device */
		return fd == -ENOENT && !machine_has(reading->machine, path) ? 0 : fd;
	do {
		n = pread(fd, config + len, size - len, (off_t)len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len < size);
	if (n < 0)
		n = -errno;
	(void)close(fd);
	return n < 0 ? (int)n : (int)len;
}

static int read_dsn(struct reading *reading, size_t index)
{
	static unsigned char config[CONFIG_SIZE];
	struct device *device = &reading->inventory->devices[index];
	char text[64];
	ssize_t len =
		pci_read(reading->machine, device->address, "serial_number", text, sizeof(text));
	int config_len;

	if (len >= 0) {
		device->dsn = attribute_dsn(text_of(text));
		return 0;
	}
	if (len != -ENOENT)
		return (int)len;
	config_len = read_config(reading, index, config, sizeof(config));
	if (config_len < 0)
		return config_len;
	device->dsn = config_dsn(config, (size_t)config_len);
	return 0;
}

static int read_header(struct reading *reading, size_t index)
{
	unsigned char config[64] = { 0 };
	int len = read_config(reading, index, config, sizeof(config));

	if (len < 0)
		return len;
	reading->inventory->devices[index].header_type = config[CONFIG_HEADER_TYPE] & 0x7f;
	return 0;
}

/* Every virtual function of a physical one learns so from the first that asks. */
static int read_virtual_functions(struct reading *reading, size_t physfn)
{
	static struct dir dir;
	const struct device *device = &reading->inventory->devices[physfn];
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	const char *name;
	int err = dir_open(reading->machine, pci_path(path, device->address, ""), &dir);

	if (err)
		return err;
	while ((name = dir_next(&dir, &err))) {
		size_t found = NO_DEVICE;
		uint32_t number;

		if (strncmp(name, "virtfn", 6) != 0 ||
		    !text_number(text_of(name + 6), VF_NONE - 1, &number))
			continue;
		err = (int)pci_readlink(reading->machine, device->address, name, link);
		if (err < 0 && err != -ENOENT)
			break;
		if (err > 0)
			found = inventory_find_in_path(reading->inventory, text_of(link));
		if (found == NO_DEVICE)
			continue;
		reading->inventory->devices[found].is_virtual = true;
		reading->inventory->devices[found].physfn = (uint16_t)physfn;
		reading->inventory->devices[found].vf = (uint16_t)number;
		reading->inventory->devices[found].known |= FACT_PHYSFN;
	}
	dir_close(&dir);
	return err;
}

/* linux/drivers/pci/iov.c:pci_iov_sysfs_link */
static int read_physfn(struct reading *reading, size_t index)
{
	struct device *device = &reading->inventory->devices[index];
	char link[MACHINE_PATH_SIZE];
	ssize_t len = pci_readlink(reading->machine, device->address, "physfn", link);
	size_t physfn;

	if (len < 0)
		return len == -ENOENT ? 0 : (int)len;
	physfn = inventory_find_in_path(reading->inventory, text_of(link));
	device->is_virtual = true;
	device->physfn = (uint16_t)physfn;
	device->vf = VF_NONE;
	return physfn == NO_DEVICE ? 0 : read_virtual_functions(reading, physfn);
}

/* Not by sriov_numvfs: reading that waits for the device's lock. */
static int read_vfs(struct reading *reading, size_t index)
{
	struct device *device = &reading->inventory->devices[index];
	int found = pci_exists(reading->machine, device->address, "virtfn0");

	device->has_vfs = found > 0;
	return found < 0 ? found : 0;
}

/* Of a physical function: linux/drivers/pci/iov.c. vf_device is not padded with zeros. */
static int read_sriov(struct reading *reading, size_t index)
{
	struct device *device = &reading->inventory->devices[index];
	char text[16];
	int total = pci_read_number(reading->machine, device->address, "sriov_totalvfs");
	uint32_t id;
	ssize_t len;

	if (total < 0)
		return total == -ENOENT ? 0 : total;
	device->total_vfs = (uint16_t)total;
	len = pci_read(reading->machine, device->address, "sriov_vf_device", text, sizeof(text));
	if (len < 0)
		return (int)len;
	if (!text_hex(text_of(text), 1, 4, &id))
		return -EIO;
	device->vf_device = (uint16_t)id;
	return 0;
}

/* Every member learns its group from the first that asks. */
static int read_group_members(struct reading *reading, const char *dir_path, int32_t group)
{
	static struct dir dir;
	const char *name;
	int err = dir_open(reading->machine, dir_path, &dir);

	if (err)
		return err == -ENOENT ? 0 : err;
	while ((name = dir_next(&dir, &err))) {
		struct address address;
		size_t member = NO_DEVICE;

		if (address_parse(text_of(name), &address))
			member = inventory_find(reading->inventory, address);
		if (member == NO_DEVICE)
			continue;
		reading->inventory->devices[member].group = group;
		reading->inventory->devices[member].known |= FACT_GROUP;
	}
	dir_close(&dir);
	return err;
}

static int read_group(struct reading *reading, size_t index)
{
	struct device *device = &reading->inventory->devices[index];
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	uint32_t group;
	ssize_t len;

	device->group = GROUP_NONE;
	len = pci_readlink(reading->machine, device->address, "iommu_group", link);
	if (len < 0)
		return len == -ENOENT ? 0 : (int)len;
	if (!text_number(text_of(base_name(link)), INT32_MAX, &group))
		return -EIO;
	device->group = (int32_t)group;
	return read_group_members(reading, pci_path(path, device->address, "iommu_group/devices"),
				  device->group);
}

static int read_disks(struct reading *reading, size_t index)
{
	return claims_take(reading->claims, reading->machine, reading->inventory, index,
			   &reading->inventory->devices[index].disk_in_use);
}

/* linux/Documentation/ABI/testing/sysfs-class-drm: cardN/boot_display, 1 or not there. */
static int read_drm(struct reading *reading, size_t index)
{
	static struct dir dir;
	struct device *device = &reading->inventory->devices[index];
	char path[MACHINE_PATH_SIZE], text[16];
	const char *name;
	int err = dir_open(reading->machine, pci_path(path, device->address, "drm"), &dir);

	if (err)
		return err == -ENOENT ? 0 : err;
	while ((name = dir_next(&dir, &err))) {
		ssize_t len;

		if (strncmp(name, "card", 4) != 0 ||
		    !join(path, sizeof(path), "drm/", name, "/boot_display"))
			continue;
		len = pci_read(reading->machine, device->address, path, text, sizeof(text));
		if (len >= 0)
			device->boot_display |= !strcmp(text, "1");
		else if (len != -ENOENT)
			err = (int)len;
	}
	dir_close(&dir);
	return err;
}

bool slot_parse_address(struct text text, struct slot *slot)
{
	struct text device = { 0 };
	uint32_t number = 0;

	slot->whole_bus = true;
	if (text.len > 3 && text.at[text.len - 3] == ':' && memchr(text.at, ':', text.len - 3)) {
		device = (struct text){ text.at + text.len - 2, 2 };
		text.len -= 3;
		slot->whole_bus = false;
		if (!text_hex(device, 2, 2, &number) || number > 0x1f)
			return false;
	}
	slot->address.devfn = (uint8_t)(number << 3);
	return address_parse_bus(text, &slot->address.domain, &slot->address.bus);
}

static int read_slots(struct machine *machine, struct inventory *inventory)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE], text[32];
	const char *name;
	int err = dir_open(machine, SLOTS, &dir), failed = 0;

	if (err)
		return err == -ENOENT ? 0 : err;
	while (!failed && (name = dir_next(&dir, &err))) {
		struct slot *slot = &inventory->slots[inventory->slot_count];
		ssize_t len;

		inventory->slots_left_out = inventory->slot_count == SLOT_MAX;
		if (inventory->slots_left_out)
			break;
		/* One too long for slot= to name it is left out. */
		if (!join(slot->name, sizeof(slot->name), name, "", "") ||
		    !join(path, sizeof(path), SLOTS "/", name, "/address"))
			continue;
		len = machine_read_line(machine, path, text, sizeof(text));
		if (len < 0)
			failed = len == -ENOENT ? 0 : (int)len;
		else if (slot_parse_address(text_of(text), slot))
			inventory->slot_count++;
	}
	dir_close(&dir);
	/* Between two names err counts bytes. */
	return failed ? failed : inventory->slots_left_out ? 0 : err;
}

/*
 * Reads what is wanted of one device. What cannot be read costs that device and no other: it is
 * refused. One that is gone was unplugged meanwhile: writing to it will say so.
 */
static void read_device(struct reading *reading, size_t index, unsigned wants)
{
	static const struct {
		enum fact fact;
		int (*read)(struct reading *reading, size_t index);
	} readers[] = {
		{ FACT_BOOT_VGA, read_boot_vga }, { FACT_DSN, read_dsn },
		{ FACT_GROUP, read_group },       { FACT_HEADER, read_header },
		{ FACT_DISKS, read_disks },       { FACT_DRM, read_drm },
		{ FACT_PHYSFN, read_physfn },     { FACT_VFS, read_vfs },
		{ FACT_SRIOV, read_sriov },
	};
	struct device *device = &reading->inventory->devices[index];
	uint16_t failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		if (!(wants & readers[i].fact & (unsigned)~device->known))
			continue;
		if (readers[i].read(reading, index))
			failed |= (uint16_t)readers[i].fact;
		device->known |= (uint16_t)readers[i].fact;
	}
	if (failed && pci_exists(reading->machine, device->address, "uevent"))
		device->unreadable |= failed;
}

int facts_read(struct machine *machine, struct inventory *inventory, const struct wants *wants,
	       struct claims *claims)
{
	struct reading reading = { machine, inventory, claims };
	unsigned missing = wants->machine & ~inventory->known;
	int err = 0;

	if (missing & FACT_FRAMEBUFFER)
		err = framebuffer_find(machine, inventory);
	if (!err && (missing & FACT_SLOTS))
		err = read_slots(machine, inventory);
	inventory->known |= missing;
	for (size_t i = 0; !err && i < inventory->count; i++)
		if (wants->of[i])
			read_device(&reading, i, wants->of[i]);
	return err;
}

int facts_read_all(struct machine *machine, struct inventory *inventory, unsigned facts,
		   struct claims *claims)
{
	static struct wants wants;

	wants.machine = facts & MACHINE_FACTS;
	for (size_t i = 0; i < inventory->count; i++)
		wants.of[i] = facts & DEVICE_FACTS;
	return facts_read(machine, inventory, &wants, claims);
}
