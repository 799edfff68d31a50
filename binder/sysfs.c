/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sysfs.h"

#include "format.h"

#include <errno.h>

#define PCI_BUS  "sys/bus/pci/"
#define OVERRIDE "driver_override"
/* Entries of one id in an ids=, each for another subsystem. */
#define SAME_IDS_MAX 8

/* An override of its own holds up to a page; longer than a driver's name is not ours. */
static bool override_is(struct machine *machine, struct address address, struct text driver)
{
	char text[DRIVER_SIZE + 1];

	return pci_read(machine, address, OVERRIDE, text, sizeof(text)) >= 0 &&
	       text_is(driver, text);
}

int override_set(struct machine *machine, struct address address, struct text driver)
{
	char value[DRIVER_SIZE];

	if (!text_copy(driver, value, sizeof(value)))
		return -ENAMETOOLONG;
	return override_is(machine, address, driver) ? 0 :
						       pci_write(machine, address, OVERRIDE, value);
}

bool override_is_set(struct machine *machine, struct address address)
{
	/* What the kernel prints for none: linux/drivers/pci/pci-sysfs.c:driver_override_show */
	return !override_is(machine, address, text_of("(null)")) &&
	       !override_is(machine, address, text_of(""));
}

int override_clear(struct machine *machine, struct address address)
{
	/* A write of no bytes never arrives: linux/fs/sysfs/file.c:sysfs_kf_write */
	return pci_write(machine, address, OVERRIDE, "\n");
}

int driver_read(struct machine *machine, struct address address, char driver[DRIVER_SIZE])
{
	char link[MACHINE_PATH_SIZE];
	ssize_t len = pci_readlink(machine, address, "driver", link);

	driver[0] = '\0';
	if (len == -ENOENT) /* no driver, if there is still a device */
		return pci_exists(machine, address, "uevent") ? 0 : -ENODEV;
	if (len < 0)
		return (int)len;
	return join(driver, DRIVER_SIZE, base_name(link), "", "") ? 0 : -EIO;
}

bool driver_path(char out[MACHINE_PATH_SIZE], struct text driver, const char *attribute)
{
	char name[DRIVER_SIZE];

	return text_copy(driver, name, sizeof(name)) &&
	       join(out, MACHINE_PATH_SIZE, PCI_BUS "drivers/", name, attribute);
}

static int write_address(struct machine *machine, struct address address, struct text driver,
			 const char *attribute)
{
	char path[MACHINE_PATH_SIZE], name[ADDRESS_SIZE];

	if (!driver_path(path, driver, attribute))
		return -ENAMETOOLONG;
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
	char path[MACHINE_PATH_SIZE], ids[3][20];

	if (!driver_path(path, driver, "/remove_id"))
		return;
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
