/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sysfs.h"

#include <errno.h>
#include <string.h>

#define PCI_BUS  "sys/bus/pci/"
#define OVERRIDE "driver_override"

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
