/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sriov.h"

#include "facts.h"
#include "format.h"
#include "load.h"
#include "log.h"
#include "sysfs.h"

#include <errno.h>
#include <string.h>

/* PCIe 9.3.3: the SR-IOV extended capability, and NumVFs in it. */
#define CAPABILITY_SRIOV 0x0010
#define SRIOV_NUM_VFS    0x10

int sriov_autoprobe(struct machine *machine, struct address physfn, bool on)
{
	return pci_write(machine, physfn, "sriov_drivers_autoprobe", on ? "1" : "0");
}

bool sriov_is_held(struct machine *machine, struct address physfn)
{
	return pci_read_number(machine, physfn, "sriov_drivers_autoprobe") == 0;
}

/* Which devices a pass is about: all, or the one that has come late. */
static bool is_meant(const struct boot *boot, size_t index)
{
	return !boot->judged->only || boot->judged->only == index + 1;
}

void sriov_hold(struct boot *boot)
{
	struct machine *machine = &boot->judged->machine;
	const struct inventory *inventory = &boot->judged->inventory;

	for (size_t i = 0; i < inventory->count; i++) {
		char name[ADDRESS_SIZE];
		int err;

		if (!boot->judged->plan.tallies[i].awaits || !is_meant(boot, i))
			continue;
		err = sriov_autoprobe(machine, inventory->devices[i].address, false);
		if (!err)
			continue;
		(void)address_format(inventory->devices[i].address, name);
		log_line(LEVEL_ERROR, "%s: its virtual functions may meet the host's drivers: %s",
			 name, error_name(err));
	}
}

void sriov_make(struct boot *boot)
{
	struct machine *machine = &boot->judged->machine;
	const struct inventory *inventory = &boot->judged->inventory;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];
		unsigned count = boot->judged->plan.tallies[i].vfs;
		char name[ADDRESS_SIZE], number[8];
		int err;

		if (!count || !is_meant(boot, i) || !device->driver[0] || device->passthrough)
			continue;
		/* Not over those that somebody else has made. */
		if (pci_read_number(machine, device->address, "sriov_numvfs") != 0)
			continue;
		(void)format(number, sizeof(number), "%u", count);
		err = pci_write(machine, device->address, "sriov_numvfs", number);
		(void)address_format(device->address, name);
		log_line(err ? LEVEL_ERROR : LEVEL_INFO, "%s: %u virtual functions %s%s", name,
			 count, err ? "not made: " : "made", err ? error_name(err) : "");
	}
}

bool sriov_is_complete(struct machine *machine, struct address physfn)
{
	static char config[CONFIG_SIZE + 1];
	const unsigned char *bytes = (const unsigned char *)config;
	char path[MACHINE_PATH_SIZE], name[24];
	ssize_t len =
		machine_read(machine, pci_path(path, physfn, "config"), config, sizeof(config));
	size_t at = len > 0 ? config_capability(bytes, (size_t)len, CAPABILITY_SRIOV) : 0;
	unsigned wanted = 0;

	/* NumVFs is set before the first is made. */
	if (at && at + SRIOV_NUM_VFS + 2 <= (size_t)len)
		wanted = bytes[at + SRIOV_NUM_VFS] | (unsigned)bytes[at + SRIOV_NUM_VFS + 1] << 8;
	/* The link of the last one is made at the end. Without a count the wait is longer. */
	if (wanted) {
		(void)format(name, sizeof(name), "virtfn%u", wanted - 1);
		if (pci_exists(machine, physfn, name) != 1)
			return false;
	}
	return pci_read_number(machine, physfn, "sriov_numvfs") > 0;
}

int sriov_physfn(struct machine *machine, struct address address, struct address *physfn)
{
	char link[MACHINE_PATH_SIZE];
	ssize_t len = pci_readlink(machine, address, "physfn", link);

	if (len < 0)
		return (int)len;
	return address_parse(text_of(base_name(link)), physfn) ? 0 : -EIO;
}

int sriov_probe(struct machine *machine, struct address address)
{
	struct address physfn;
	bool held = !sriov_physfn(machine, address, &physfn) && sriov_is_held(machine, physfn);
	int err = held ? sriov_autoprobe(machine, physfn, true) : 0;

	if (!err)
		err = driver_probe(machine, address);
	if (held && sriov_autoprobe(machine, physfn, false) && !err)
		err = -EIO;
	return err;
}
