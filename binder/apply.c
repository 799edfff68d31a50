/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apply.h"

#include "framebuffer.h"
#include "judge.h"
#include "log.h"
#include "modules.h"
#include "override_gate.h"
#include "sriov.h"
#include "supervise.h"
#include "sysfs.h"
#include "tune.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define ADD_MS 10

static bool is_bound(const struct boot *boot, size_t index)
{
	return plan_verdict(&boot->judged->plan, index).kind == VERDICT_BIND;
}

struct text driver_for(const struct boot *boot, size_t index)
{
	struct text asked = driver_asked(boot, index);
	const struct sought_driver *driver = driver_sought(boot, asked);

	return driver && driver->name[0] ? text_of(driver->name) : asked;
}

static bool driver_is_there(const struct boot *boot, size_t index)
{
	const struct sought_driver *driver = driver_sought(boot, driver_asked(boot, index));

	return driver && driver->there;
}

static void fail(struct boot *boot, size_t index, enum step step, int err)
{
	struct outcome *outcome = &boot->outcomes[index];

	if (outcome->err)
		return; /* what went wrong first is what has to be mended */
	outcome->step = step;
	outcome->err = err;
}

/*
 * vfio-pci removes the firmware's framebuffer itself, but from VGA-class devices only:
 * linux/drivers/vfio/pci/vfio_pci_core.c:vfio_pci_vga_init
 */
static bool keeps_framebuffer(const struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];

	return device->framebuffer && (device_class16(device) != CLASS_DISPLAY_VGA ||
				       text_is(driver_for(boot, index), "pci-stub"));
}

/* True if another driver, on the function or on its picture, has to let go first. */
static bool is_held(const struct boot *boot, size_t index)
{
	const char *driver = boot->judged->inventory.devices[index].driver;

	return keeps_framebuffer(boot, index) ||
	       (driver[0] && !text_is(driver_for(boot, index), driver));
}

static void override(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	int err;

	boot_at(boot, STEP_OVERRIDE, index);
	err = override_set(&boot->judged->machine, device->address, driver_for(boot, index));
	if (err)
		fail(boot, index, STEP_OVERRIDE, err);
	else
		boot->outcomes[index].overridden = true;
	/* Once its driver is loaded that has it. What the host still uses is left alone until then. */
	if (!err && !is_held(boot, index))
		tune(boot, index);
}

/* The host has it as if we had not been there. */
static void put_back(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];

	(void)override_clear(&boot->judged->machine, device->address);
	if (!device->driver[0])
		(void)sriov_probe(&boot->judged->machine, device->address);
	boot->outcomes[index].overridden = false;
	claims_release(&boot->judged->claims, index);
}

/*
 * Notes a driver that came since the scan. One that has gone meanwhile needs no unbind, and the
 * one it is to have is what the modules brought.
 */
static bool look_again(struct boot *boot, size_t index)
{
	struct device *device = &boot->judged->inventory.devices[index];
	struct outcome *outcome = &boot->outcomes[index];
	int err = driver_read(&boot->judged->machine, device->address, outcome->after);

	if (err)
		fail(boot, index, STEP_READ, err);
	if (err || text_is(driver_for(boot, index), outcome->after) ||
	    !strcmp(outcome->after, device->driver))
		return false;
	memcpy(device->driver, outcome->after, sizeof(device->driver));
	device->passthrough = driver_is_passthrough(text_of(device->driver));
	device->known &= (uint16_t)~FACT_DISKS;
	claims_release(&boot->judged->claims, index);
	return device->driver[0] && !device->passthrough;
}

/*
 * For each device that is bound. A screen the host may not get back goes apart: it is touched only
 * once its driver is there to be had.
 */
static void each(struct boot *boot, bool last_screens, void (*call)(struct boot *, size_t))
{
	const struct judgement *judged = boot->judged;

	for (size_t i = 0; i < judged->plan.selected_count; i++) {
		size_t index = judged->plan.selected[i];
		struct verdict verdict = plan_verdict(&judged->plan, index);
		bool last_screen;

		if (verdict.kind != VERDICT_BIND)
			continue;
		last_screen = device_is_screen(&judged->inventory.devices[index]) &&
			      (judged->policy.rules[verdict.rule].allow & ALLOW_LAST_DISPLAY);
		if (last_screen == last_screens)
			call(boot, index);
	}
}

static void override_new(struct boot *boot, size_t index)
{
	if (!boot->outcomes[index].overridden && !boot->outcomes[index].err)
		override(boot, index);
}

/* Where a driver came since the scan the guards have their say once more. */
static int judge_again(struct boot *boot)
{
	struct judgement *judged = boot->judged;
	struct decision decision;
	bool came = false;
	int err;

	boot_at(boot, STEP_READ, NO_DEVICE);
	for (size_t i = 0; i < judged->plan.selected_count; i++)
		if (is_bound(boot, judged->plan.selected[i]))
			came |= look_again(boot, judged->plan.selected[i]);
	if (!came)
		return 0;
	boot->decided = false;
	err = judge(judged, &decision);
	boot->decided = !err;
	for (size_t i = 0; i < judged->inventory.count; i++)
		if (boot->outcomes[i].overridden && (err || !is_bound(boot, i)))
			put_back(boot, i);
	each(boot, false, override_new);
	return err;
}

/*
 * The modules are loaded. What they did not bring is left as the override only of a device that
 * nobody held; and where the name was guessed wrong it is put right.
 */
static void settle(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];

	if (boot->outcomes[index].err)
		return;
	if (!driver_is_there(boot, index)) {
		fail(boot, index, STEP_LOAD, -ENODEV);
		if (device->driver[0])
			put_back(boot, index);
	} else if (!text_equal(driver_for(boot, index), driver_asked(boot, index))) {
		override(boot, index);
	}
}

/* The host's only picture is not put at risk for a driver that is not there. */
static void require_driver(struct boot *boot, size_t index)
{
	if (!driver_is_there(boot, index))
		fail(boot, index, STEP_LOAD, -ENODEV);
	else
		override(boot, index);
}

static int unbind(struct boot *boot, size_t index)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	struct machine *machine = &boot->judged->machine;
	char driver[DRIVER_SIZE];
	int err = 0;

	if (keeps_framebuffer(boot, index))
		err = framebuffer_release(machine);
	if (err || !device->driver[0] || text_is(driver_for(boot, index), device->driver))
		return err;
	/* By the name that was judged: should another driver have it by now, this fails. */
	err = driver_unbind(machine, device->address, text_of(device->driver));
	if (err && !driver_read(machine, device->address, driver) && !driver[0])
		return 0; /* it has gone meanwhile, as by a probe that failed */
	return err;
}

/*
 * udev hears of a function as it is found. Drivers are let at it once all behind its bridge are
 * found, right after its entry in /proc is made: linux/drivers/pci/bus.c:pci_bus_add_device. True
 * as well where that cannot be told.
 */
static bool is_added(struct machine *machine, struct address address)
{
	char name[ADDRESS_SIZE], path[MACHINE_PATH_SIZE];
	size_t len = address_format(address, name);

	name[len - strlen("/00.0")] = '/';
	(void)join(path, sizeof(path), "proc/bus/pci/", name, "");
	if (machine_exists(machine, path))
		return true;
	/* Where it is the first, the domain is left out mostly. */
	(void)join(path, sizeof(path), "proc/bus/pci/", name + strlen("0000:"), "");
	return (!address.domain && machine_exists(machine, path)) ||
	       !machine_exists(machine, "proc/bus/pci") || !pci_exists(machine, address, "uevent");
}

/* In a child of its own: what hangs over one device keeps no other from its driver. */
static void see_to(struct boot *boot, size_t index)
{
	struct machine *machine = &boot->judged->machine;
	struct address address = boot->judged->inventory.devices[index].address;
	struct text driver = driver_for(boot, index);
	struct outcome *outcome = &boot->outcomes[index];
	bool held = is_held(boot, index);
	int err = 0;

	claims_close_others(&boot->judged->claims, index);
	if (held) {
		outcome->step = STEP_UNBIND;
		err = unbind(boot, index);
	}
	if (held && !err) {
		tune(boot, index);
		outcome->step = STEP_UNBIND;
		err = driver_read(machine, address, outcome->after);
	}
	/* A driver that was loaded just now has probed already; one built in never will. */
	if (!err && !outcome->after[0]) {
		boot_at(boot, STEP_BIND, index);
		outcome->step = STEP_BIND;
		err = driver_bind(machine, address, driver);
		for (int looks = 0; err == -ENODEV && looks < 2;
		     looks += is_added(machine, address)) {
			(void)poll(NULL, 0, ADD_MS);
			err = driver_bind(machine, address, driver);
		}
	}
	if (err)
		fail(boot, index, outcome->step, err);
	outcome->seen_to = true;
}

/* Not one that has its driver already. */
static bool waits(const struct boot *boot, size_t index)
{
	const struct outcome *outcome = &boot->outcomes[index];

	return !outcome->err && !outcome->child.pid && (is_held(boot, index) || !outcome->after[0]);
}

static void count_waiting(struct boot *boot, size_t index)
{
	boot->waiting += waits(boot, index);
}

/* One after the other, and each has its share of the time that is left. */
static void start_child(struct boot *boot, size_t index)
{
	struct outcome *outcome = &boot->outcomes[index];
	int64_t share = time_left(boot) / (int64_t)(boot->waiting + 1);
	int err = share > 0 ? 0 : -ETIME;

	if (!waits(boot, index))
		return;
	boot->waiting--;
	outcome->step = is_held(boot, index) ? STEP_UNBIND : STEP_BIND;
	boot_at(boot, outcome->step, index);
	if (!err)
		err = child_start(&outcome->child, boot, index, see_to);
	claims_release(&boot->judged->claims, index);
	if (err)
		fail(boot, index, outcome->step, err);
	else
		(void)child_wait(&outcome->child, share);
}

static void start_free(struct boot *boot, size_t index)
{
	if (!is_held(boot, index))
		start_child(boot, index);
}

static void give_up(struct boot *boot, size_t index)
{
	struct outcome *outcome = &boot->outcomes[index];

	outcome->hung = true;
	fail(boot, index, outcome->step, -ETIMEDOUT);
}

/* A driver that was only slow has until now. */
static void finish(struct boot *boot, size_t index)
{
	struct outcome *outcome = &boot->outcomes[index];

	if (!outcome->child.pid)
		return;
	if (!child_wait(&outcome->child, time_left(boot))) {
		give_up(boot, index);
	} else if (!outcome->seen_to) {
		outcome->died = true;
		fail(boot, index, outcome->step, -EINTR);
	}
	child_end(&outcome->child);
}

static void read_back_one(struct boot *boot, size_t index)
{
	struct outcome *outcome = &boot->outcomes[index];
	int err = driver_read(&boot->judged->machine,
			      boot->judged->inventory.devices[index].address, outcome->after);

	outcome->read_back = !err;
	if (err)
		fail(boot, index, STEP_READ, err);
	if (!boot->gate_read && override_is_refused(outcome)) {
		boot->gate_read = true;
		(void)override_gate(&boot->judged->machine, boot->gate);
	}
}

/* An override stays where binding failed: no driver is the safe state, but not for this one. */
static void restore_screen(struct boot *boot, size_t index)
{
	struct address address = boot->judged->inventory.devices[index].address;

	if (outcome_is_good(boot, index) || boot->outcomes[index].step == STEP_LOAD)
		return;
	(void)override_clear(&boot->judged->machine, address);
	(void)driver_probe(&boot->judged->machine, address);
	read_back_one(boot, index);
}

static void read_back(struct boot *boot)
{
	each(boot, false, read_back_one);
	each(boot, true, read_back_one);
}

static void cut_short(struct boot *boot, size_t index)
{
	const struct child *child = &boot->outcomes[index].child;

	if (child->pid && !child->ended)
		give_up(boot, index);
}

void apply_cut_short(struct boot *boot, bool hung)
{
	if (boot->device != NO_DEVICE) {
		struct outcome *outcome = &boot->outcomes[boot->device];

		outcome->step = boot->step;
		outcome->err = hung ? -ETIMEDOUT : -EINTR;
		outcome->hung = hung;
	}
	each(boot, false, cut_short);
	each(boot, true, cut_short);
	read_back(boot);
}

bool outcome_is_good(const struct boot *boot, size_t index)
{
	const struct outcome *outcome = &boot->outcomes[index];

	return outcome->read_back && text_is(driver_for(boot, index), outcome->after);
}

/* For a device that came late they are there mostly: no need to read their files once more. */
static void load_modules(struct boot *boot)
{
	if (!boot->judged->only || !drivers_find(boot)) {
		boot->load_modules(boot);
		(void)drivers_find(boot);
	}
}

int apply(struct boot *boot)
{
	int err;

	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		if (!is_bound(boot, boot->judged->plan.selected[i]))
			claims_release(&boot->judged->claims, boot->judged->plan.selected[i]);
	sriov_hold(boot);
	each(boot, false, override);
	boot_at(boot, STEP_LOAD, NO_DEVICE);
	load_modules(boot);
	err = judge_again(boot);
	if (err)
		return err;
	each(boot, false, settle);
	each(boot, true, require_driver);
	each(boot, false, count_waiting);
	each(boot, true, count_waiting);
	each(boot, false, start_free);
	each(boot, true, start_free);
	each(boot, false, start_child);
	each(boot, true, start_child);
	each(boot, false, finish);
	each(boot, true, finish);
	boot_at(boot, STEP_DONE, NO_DEVICE);
	read_back(boot);
	each(boot, true, restore_screen);
	return 0;
}
