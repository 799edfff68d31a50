/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sysfs.h"

#include "format.h"

#include <errno.h>
#include <string.h>

#define PCI_BUS  "sys/bus/pci/"
#define OVERRIDE "driver_override"
/* Entries of one id in an ids=, each for another subsystem. */
#define SAME_IDS_MAX 8

/* An override of its own holds up to a page; longer than a driver's name is not ours. */
static bool override_is(struct machine *machine, const char *path, struct text driver)
{
	char text[DRIVER_SIZE + 1];
	ssize_t len = machine_read_attribute(machine, path, text, sizeof(text));

	if (len > 0 && text[len - 1] == '\n')
		len--;
	return len >= 0 && text_equal(driver, (struct text){ text, (size_t)len });
}

int override_set(struct machine *machine, struct address address, struct text driver)
{
	char path[MACHINE_PATH_SIZE], value[DRIVER_SIZE] = "";

	if (driver.len >= sizeof(value))
		return -ENAMETOOLONG;
	memcpy(value, driver.at, driver.len);
	(void)pci_path(path, address, OVERRIDE);
	return override_is(machine, path, driver) ? 0 : machine_write(machine, path, value);
}

bool override_is_set(struct machine *machine, struct address address)
{
	char path[MACHINE_PATH_SIZE];

	(void)pci_path(path, address, OVERRIDE);
	/* What the kernel prints for none: linux/drivers/pci/pci-sysfs.c:driver_override_show */
	return !override_is(machine, path, text_of("(null)")) &&
	       !override_is(machine, path, text_of(""));
}

int override_clear(struct machine *machine, struct address address)
{
	char path[MACHINE_PATH_SIZE];

	/* A write of no bytes never arrives: linux/fs/sysfs/file.c:sysfs_kf_write */
	return machine_write(machine, pci_path(path, address, OVERRIDE), "\n");
}

int driver_read(struct machine *machine, struct address address, char driver[DRIVER_SIZE])
{
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	const char *name;
	ssize_t len =
		machine_readlink(machine, pci_path(path, address, "driver"), link, sizeof(link));

	driver[0] = '\0';
	if (len == -ENOENT) /* no driver, if there is still a device */
		return machine_has(machine, pci_path(path, address, "uevent")) ? 0 : -ENODEV;
	if (len < 0)
		return (int)len;
	name = strrchr(link, '/');
	return name && join(driver, DRIVER_SIZE, name + 1, "", "") ? 0 : -EIO;
}

static int write_address(struct machine *machine, struct address address, struct text driver,
			 const char *attribute)
{
	char path[MACHINE_PATH_SIZE], dir[DRIVER_SIZE] = "", name[ADDRESS_SIZE];

	if (driver.len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, driver.at, driver.len);
	(void)join(path, sizeof(path), PCI_BUS "drivers/", dir, attribute);
	(void)address_format(address, name);
	return machine_write(machine, path, name);
}

int driver_unbind(struct machine *machine, struct address address, struct text driver)
{
	return write_address(machine, address, driver, "/unbind");
}

/* One write for each entry: linux/drivers/pci/pci-driver.c:remove_id_store */
void driver_forget_id(struct machine *machine, struct text driver, uint16_t vendor, uint16_t device)
{
	char path[MACHINE_PATH_SIZE], name[DRIVER_SIZE] = "", ids[3][20];

	if (driver.len >= sizeof(name))
		return;
	memcpy(name, driver.at, driver.len);
	(void)join(path, sizeof(path), PCI_BUS "drivers/", name, "/remove_id");
	(void)format(ids[0], sizeof(ids[0]), "%04x %04x", vendor, device);
	(void)format(ids[1], sizeof(ids[1]), "%04x ffffffff", vendor);
	(void)format(ids[2], sizeof(ids[2]), "ffffffff ffffffff");
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (int n = 0; n < SAME_IDS_MAX && !machine_write(machine, path, ids[i]); n++)
			;
}

int driver_bind(struct machine *machine, struct address address, struct text driver)
{
	return write_address(machine, address, driver, "/bind");
}

int driver_probe(struct machine *machine, struct address address)
{
	char name[ADDRESS_SIZE];

	(void)address_format(address, name);
	return machine_write(machine, PCI_BUS "drivers_probe", name);
}
