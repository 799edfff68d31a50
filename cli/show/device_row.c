/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device_row.h"

#include "base/complain.h"
#include "facts.h"
#include "host/noiommu.h"
#include "host/read_host.h"
#include "modplan.h"
#include "variant.h"

#include <errno.h>
#include <string.h>

static unsigned facts_wanted(const struct view *view, size_t index)
{
	unsigned facts = FACT_GROUP | FACT_PHYSFN;

	if (device_class16(&view->host->judged.inventory.devices[index]) == CLASS_DISPLAY_VGA)
		facts |= FACT_BOOT_VGA;
	if (view->twins[index])
		facts |= FACT_DSN;
	return facts;
}

/*
 * Config space is left alone, as reading it wakes a card that sleeps: except for the serial
 * numbers of twins, which tell them apart.
 */
static int read_facts(struct view *view)
{
	static struct wants wants = { .machine = FACT_FRAMEBUFFER | FACT_SLOTS };
	struct judgement *judged = &view->host->judged;
	int err;

	if (view->host->from_file)
		return EXIT_AS_CONFIGURED;
	for (size_t i = 0; i < judged->inventory.count; i++)
		wants.of[i] = (uint16_t)facts_wanted(view, i);
	err = facts_read(&judged->machine, &judged->inventory, &wants, &judged->claims);
	if (!err)
		return EXIT_AS_CONFIGURED;
	return complain(err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED, "%s: %s",
			judged->machine.failed, strerror(-err));
}

bool is_chipset(const struct device *device)
{
	switch (device->class >> 16) {
	case 0x05:
	case 0x06:
	case 0x08:
	case 0x11:
	case 0x13:
		return true;
	default:
		return device_is_bridge(device);
	}
}

static bool are_twins(const struct device *a, const struct device *b)
{
	return a->vendor == b->vendor && a->device == b->device && a->class == b->class;
}

/* Parts of the chipset have none. */
static void find_twins(struct view *of, const struct inventory *inventory)
{
	const struct device *devices = inventory->devices;

	for (size_t i = 0; i < inventory->count; i++) {
		uint16_t count = 1;

		if (of->twin[i] || is_chipset(&devices[i]))
			continue;
		for (size_t j = i + 1; j < inventory->count; j++)
			if (are_twins(&devices[i], &devices[j]))
				of->twin[j] = ++count;
		if (count == 1)
			continue;
		of->twin[i] = 1;
		for (size_t j = i; j < inventory->count; j++)
			if (are_twins(&devices[i], &devices[j]))
				of->twins[j] = count;
	}
}

static struct view view;

/* A machine file has none. */
static void look_at_trial(struct host *host)
{
	view.trial = (struct trial_state){ 0 };
	if (!host->from_file)
		trial_look(&view.trial, &host->judged.machine);
}

struct view *view_read(const struct options *options, int *code)
{
	struct host *host = host_read(options, AT_BOOT, code);
	static const struct protect none;

	if (!host)
		return NULL;
	view.host = host;
	find_twins(&view, &host->judged.inventory);
	*code = read_facts(&view);
	if (*code != EXIT_AS_CONFIGURED) {
		view_free(&view);
		return NULL;
	}
	if (host->judged.machine.live && host_hides_dsn(host, &none))
		warn("serial numbers cannot be read without root: rules with dsn= find nothing");
	last_boot_read(&view.last, host);
	host_notes_find(&view.notes, host);
	if (!host->from_file)
		disk_list_read(&view.disks, &host->judged.machine, &host->judged.inventory);
	images_read(&view.images, host);
	look_at_trial(host);
	takers_find(&view.takers, host);
	return &view;
}

void view_free(struct view *old)
{
	host_free(old->host);
	old->host = NULL;
}

/* Which devices of the plan are virtual functions: those are late. One that cannot be read is not. */
static void read_physfn(struct host *host)
{
	static struct wants wants;
	const struct plan *plan = &host->judged.plan;

	if (host->from_file)
		return;
	for (size_t i = 0; i < plan->selected_count; i++)
		wants.of[plan->selected[i]] = FACT_PHYSFN;
	(void)facts_read(&host->judged.machine, &host->judged.inventory, &wants,
			 &host->judged.claims);
}

struct view *view_of_plan(struct host *host)
{
	view.host = host;
	read_physfn(host);
	images_read(&view.images, host);
	look_at_trial(host);
	return &view;
}

bool view_needs_image(const struct view *of)
{
	bool without = !of->host->from_file && !of->last.found && !images_have_ours(&of->images);

	return without || images_are_stale(&of->images);
}

int32_t device_group(const struct device *device)
{
	return device->known & FACT_GROUP ? device->group : GROUP_NONE;
}

/* A device the next boot will leave to the host. */
static enum device_state state_of_host(const struct last_boot *last, bool was_bound, bool refused,
				       bool passthrough)
{
	if (passthrough && !was_bound)
		return STATE_FOREIGN;
	if (passthrough && (last->policy_differs || refused))
		return STATE_PENDING;
	/* By a serial number, which it takes root to read: nobody else judges it as the boot did. */
	if (passthrough)
		return STATE_VFIO;
	if (was_bound && !last->policy_differs)
		return STATE_DRIFT;
	return refused ? STATE_REFUSED : STATE_HOST;
}

/* "failed: ...", "hung: ...", without what the device goes along with. */
static struct text failure_of(const struct last_row *boot)
{
	struct text detail = boot->detail, first;

	if (text_cut(&detail, ';', &first) && first.len && memchr(first.at, ':', first.len))
		return first;
	return text_of("");
}

static void set_state(struct device_row *row, const struct last_boot *last)
{
	bool told = row->boot && !last->idle;
	bool was_bound = told && row->boot->verdict == VERDICT_BIND;

	if (row->verdict.kind != VERDICT_BIND) {
		row->state = state_of_host(last, was_bound, row->verdict.kind == VERDICT_REFUSE,
					   driver_is_passthrough(row->driver));
		row->refusal = row->verdict.reason;
	} else if (text_equal(row->driver_next, row->driver)) {
		row->state = STATE_VFIO;
	} else if (was_bound && !last->policy_differs) {
		row->state = STATE_DRIFT;
		row->failure = failure_of(row->boot);
	} else if (told && row->boot->verdict == VERDICT_REFUSE && !last->policy_differs) {
		/* The boot saw what cannot be seen from here: a disk in use then, and the like. */
		row->state = STATE_REFUSED;
		row->refusal =
			(row->boot->reason >= GUARD_FIRST && row->boot->reason <= GUARD_LAST) ?
				row->boot->reason :
				REASON_NONE;
		row->refused_by_boot = true;
	} else {
		row->state = STATE_PENDING;
	}
}

/* The driver that one like it has on the host, for a device a guest has now. */
static struct text host_driver(const struct host *host, const struct device *wanted)
{
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		const struct device *device = &host->judged.inventory.devices[i];
		struct text driver = text_of(host->drivers[i]);

		if (device->vendor == wanted->vendor && device->device == wanted->device &&
		    driver.len && !driver_is_passthrough(driver))
			return driver;
	}
	return text_of("");
}

/* Of a device that the next boot binds. Where it has it already that one says how it is spelled. */
static struct text driver_of_guest(const struct host *host, const struct device_row *row)
{
	struct text driver = rule_driver(row->rule, host->judged.steps, row->device);

	return module_name_equal(driver, row->driver) ? row->driver : driver;
}

/* Of a device that the next boot leaves to the host. */
static struct text driver_of_host(const struct host *host, const struct device_row *row)
{
	if ((row->image || row->state != STATE_VFIO) && driver_is_passthrough(row->driver))
		return host_driver(host, row->device);
	return row->driver;
}

/* Disks without model or serial number, and several of them, lend the device no name. */
static const struct disk_info *only_disk(const struct disk_list *list, size_t index)
{
	const struct disk_info *only = NULL;

	for (size_t i = 0; i < list->count; i++) {
		if (list->disks[i].function != index)
			continue;
		if (only)
			return NULL;
		only = &list->disks[i];
	}
	return only;
}

void device_row(struct view *of, size_t index, struct device_row *row)
{
	const struct judgement *judged = &of->host->judged;
	const struct last_row *boot = &of->last.rows[index];
	struct verdict verdict = plan_verdict(&judged->plan, index);
	bool bound;

	*row = (struct device_row){
		.view = of,
		.index = index,
		.device = &judged->inventory.devices[index],
		.twin = of->twin[index],
		.twins = of->twins[index],
		.only_disk = only_disk(&of->disks, index),
		.boot = boot->verdict == VERDICT_NONE ? NULL : boot,
		.verdict = verdict,
		.rule = verdict.kind == VERDICT_NONE ? NULL : &judged->policy.rules[verdict.rule],
		.leader = verdict.reason == REASON_COMPANION ? judged->plan.tallies[index].with :
							       NO_DEVICE,
		.driver = text_of(of->host->drivers[index]),
	};
	row->slot = inventory_slot(&judged->inventory, row->device);
	if (verdict.kind == VERDICT_BIND)
		row->driver_next = driver_of_guest(of->host, row);
	set_state(row, &of->last);
	row->image = images_differ(&of->images, index);
	bound = (row->image ? row->image->done : verdict).kind == VERDICT_BIND;
	if (!bound || trial_is_off(&of->trial))
		row->driver_next = driver_of_host(of->host, row);
	else if (row->image)
		row->driver_next = text_of(row->image->driver);
	row->no_group = bound && noiommu_advice(of->host, index, row->driver_next);
	if (row->no_group)
		row->driver_next = text_of("");
	/* Its physical function makes it anew after each boot. */
	if (bound && row->device->is_virtual)
		row->driver_next = text_of(NEXT_LATE);
}
