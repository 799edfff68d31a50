/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "give_back.h"

#include "disks.h"
#include "load.h"
#include "log.h"
#include "supervise.h"
#include "sysfs.h"

#include <errno.h>

/* In a child of its own, as what takes a device from a driver of the host. */
static void give_back(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	struct machine *machine = &boot->judged->machine;
	struct text driver = text_of(device->driver);
	int err;

	claims_close_others(&boot->judged->claims, index);
	driver_forget_id(machine, driver, device->vendor, device->device);
	err = driver_unbind(machine, device->address, driver);
	if (!err)
		err = driver_probe(machine, device->address);
	boot->outcomes[index].err = err;
}

static void give_back_one(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	struct outcome *outcome = &boot->outcomes[index];
	char address[ADDRESS_SIZE];
	int err;

	(void)address_format(device->address, address);
	if (boot->dry_run) {
		log_line(LEVEL_ERROR,
			 "%s would be given back to the host: %s has it by ids=", address,
			 device->driver);
		return;
	}
	boot_at(boot, STEP_GIVE_BACK, index);
	err = child_start(&outcome->child, boot, index, give_back);
	if (!err) {
		if (!child_wait(&outcome->child, time_left(boot) / 2))
			err = -ETIMEDOUT;
		child_end(&outcome->child);
	}
	if (!err)
		err = outcome->err;
	if (!err)
		err = driver_read(&boot->judged->machine, device->address, outcome->after);
	if (!err && driver_is_passthrough(text_of(outcome->after)))
		err = -EBUSY;
	outcome->read_back = outcome->given_back = !err;
	boot->not_given_back |= err != 0;
	if (err)
		log_line(LEVEL_ERROR, "%s not given back to the host: %s has it by ids=: %s",
			 address, device->driver, error_name(err));
	else
		log_line(LEVEL_ERROR, "%s given back to the host: %s had it by ids=", address,
			 device->driver);
}

void give_back_taken(struct boot *boot)
{
	const struct inventory *inventory = &boot->judged->inventory;

	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->devices[i].passthrough && boot->judged->plan.tallies[i].back &&
		    !override_is_set(&boot->judged->machine, inventory->devices[i].address))
			give_back_one(boot, i);
}
