/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apply.h"

#include "framebuffer.h"
#include "log.h"
#include "modules.h"
#include "sysfs.h"

#include <errno.h>
#include <string.h>

static bool is_bound(const struct boot *boot, size_t index)
{
	return plan_verdict(&boot->judged->plan, index).kind == VERDICT_BIND;
}

static const struct rule *rule_of(const struct boot *boot, size_t index)
{
	return &boot->judged->policy.rules[plan_verdict(&boot->judged->plan, index).rule];
}

/* A screen the host may not get back: it is touched only once its driver is there to be had. */
static bool may_be_last_screen(const struct boot *boot, size_t index)
{
	return device_is_screen(&boot->judged->inventory.devices[index]) &&
	       (rule_of(boot, index)->allow & ALLOW_LAST_DISPLAY);
}

static bool has_driver(const struct device *device, struct text driver)
{
	return text_is(driver, device->driver);
}

static void fail(struct boot *boot, size_t index, enum step step, int err)
{
	struct outcome *outcome = &boot->outcomes[index];

	if (outcome->err)
		return; /* what went wrong first is what has to be mended */
	outcome->failed = step;
	outcome->err = err;
}

static void override(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	int err;

	boot_at(boot, STEP_OVERRIDE, index);
	err = override_set(&boot->judged->machine, device->address, rule_of(boot, index)->driver);
	if (err)
		fail(boot, index, STEP_OVERRIDE, err);
}

/*
 * vfio-pci removes the firmware's framebuffer itself, but from VGA-class devices only:
 * linux/drivers/vfio/pci/vfio_pci_core.c:vfio_pci_vga_init
 */
static bool keeps_framebuffer(const struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];

	return device->framebuffer && (device_class16(device) != CLASS_DISPLAY_VGA ||
				       text_is(rule_of(boot, index)->driver, "pci-stub"));
}

static void unbind(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	int err = boot->outcomes[index].err;

	boot_at(boot, STEP_UNBIND, index);
	/* Without its override the old driver would take it right back. */
	if (!err && keeps_framebuffer(boot, index))
		err = framebuffer_release(&boot->judged->machine);
	/* By the name that was judged: should another driver have it by now, this fails. */
	if (!err && device->driver[0] && !has_driver(device, rule_of(boot, index)->driver))
		err = driver_unbind(&boot->judged->machine, device->address,
				    text_of(device->driver));
	if (err)
		fail(boot, index, STEP_UNBIND, err);
	claims_release(&boot->judged->claims, index);
}

static void bind(struct boot *boot, size_t index)
{
	struct address address = boot->judged->inventory.devices[index].address;
	char driver[DRIVER_SIZE];
	int err;

	if (boot->outcomes[index].err)
		return;
	boot_at(boot, STEP_BIND, index);
	err = driver_read(&boot->judged->machine, address, driver);
	/* A driver that was loaded just now has probed already; one built in never will. */
	if (!err && !driver[0] && !driver_exists(boot, rule_of(boot, index)->driver))
		fail(boot, index, STEP_LOAD, -ENODEV);
	else if (!err && !driver[0])
		err = driver_bind(&boot->judged->machine, address, rule_of(boot, index)->driver);
	if (err)
		fail(boot, index, STEP_BIND, err);
}

static void each(struct boot *boot, bool last_screens, void (*call)(struct boot *, size_t))
{
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++) {
		size_t index = boot->judged->plan.selected[i];

		if (is_bound(boot, index) && may_be_last_screen(boot, index) == last_screens)
			call(boot, index);
	}
}

/* The host's only picture is not put at risk for a driver that is not there. */
static void require_driver(struct boot *boot, size_t index)
{
	if (!driver_exists(boot, rule_of(boot, index)->driver))
		fail(boot, index, STEP_LOAD, -ENODEV);
	else
		override(boot, index);
}

static void read_back_one(struct boot *boot, size_t index)
{
	struct outcome *outcome = &boot->outcomes[index];
	int err = driver_read(&boot->judged->machine,
			      boot->judged->inventory.devices[index].address, outcome->after);

	outcome->read_back = !err;
	if (err)
		fail(boot, index, STEP_BIND, err);
}

/* An override stays where binding failed: no driver is the safe state, but not for this one. */
static void restore_screen(struct boot *boot, size_t index)
{
	struct address address = boot->judged->inventory.devices[index].address;

	if (outcome_is_good(boot, index) || boot->outcomes[index].failed == STEP_LOAD)
		return;
	(void)override_clear(&boot->judged->machine, address);
	(void)driver_probe(&boot->judged->machine, address);
	read_back_one(boot, index);
}

void read_back(struct boot *boot)
{
	each(boot, false, read_back_one);
	each(boot, true, read_back_one);
}

void apply_cut_short(struct boot *boot, bool hung)
{
	if (boot->device != NO_DEVICE) {
		struct outcome *outcome = &boot->outcomes[boot->device];

		outcome->failed = boot->step;
		outcome->err = hung ? -ETIMEDOUT : -EINTR;
		outcome->hung = hung;
	}
	read_back(boot);
}

bool outcome_is_good(const struct boot *boot, size_t index)
{
	const struct outcome *outcome = &boot->outcomes[index];

	return outcome->read_back && text_is(rule_of(boot, index)->driver, outcome->after);
}

void apply(struct boot *boot)
{
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		if (!is_bound(boot, boot->judged->plan.selected[i]))
			claims_release(&boot->judged->claims, boot->judged->plan.selected[i]);
	each(boot, false, override);
	each(boot, false, unbind);
	boot_at(boot, STEP_LOAD, NO_DEVICE);
	boot->load_modules(boot);
	each(boot, true, require_driver);
	each(boot, true, unbind);
	each(boot, false, bind);
	each(boot, true, bind);
	boot_at(boot, STEP_DONE, NO_DEVICE);
	read_back(boot);
	each(boot, true, restore_screen);
}
