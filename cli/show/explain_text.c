/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/printable.h"
#include "explain.h"
#include "guard.h"
#include "path.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

static const struct device *device_at(const struct host *host, size_t index)
{
	return &host->judged.inventory.devices[index];
}

/* "slot 3", and by the same token "in no slot". */
static void say_slot(struct host *host, size_t index, char out[SENTENCE_SIZE])
{
	const struct slot *slot = inventory_slot(&host->judged.inventory, device_at(host, index));

	(void)snprintf(out, SENTENCE_SIZE, "%s%s", slot ? "slot " : "in no slot",
		       slot ? slot->name : "");
	make_printable(out); /* its name is the firmware's */
}

static void say_dsn(const struct device *device, char out[SENTENCE_SIZE])
{
	char dsn[DSN_SIZE];

	dsn_format(device->dsn, dsn);
	(void)snprintf(out, SENTENCE_SIZE, "%s%s", device->dsn ? "dsn " : "no dsn",
		       device->dsn ? dsn : "");
}

static void say_boot_vga(const struct device *device, char out[SENTENCE_SIZE])
{
	if ((device->known & FACT_BOOT_VGA) && device->boot_vga != BOOT_VGA_NO_FILE)
		(void)snprintf(out, SENTENCE_SIZE, "boot_vga %d", device->boot_vga);
	else
		(void)snprintf(out, SENTENCE_SIZE, "no boot_vga");
}

/* What there is to go by, and what it says of this device. */
static void say_picture(struct host *host, size_t index, char out[SENTENCE_SIZE])
{
	static const char *const pictures[] = {
		[PICTURE_YES] = "the boot display",
		[PICTURE_NO] = "not the boot display",
		[PICTURE_UNKNOWN] = "nobody can tell whether the boot display",
	};
	static const char *const evidence[] = {
		[EVIDENCE_FIRMWARE] = "by the firmware's framebuffer",
		[EVIDENCE_BOOT_VGA] = "by boot_vga, which the monitor's cable can change",
		[EVIDENCE_ONLY_SCREEN] = "there is no other screen",
		[EVIDENCE_NONE] = "no framebuffer, no boot_vga of 1, several screens",
	};
	enum picture picture = decide_picture(&host->decision, index);

	if (device_at(host, index)->is_virtual)
		(void)snprintf(out, SENTENCE_SIZE, "a virtual function, no screen");
	else if (!display_has_screen(&host->judged.inventory, index))
		(void)snprintf(out, SENTENCE_SIZE, "no screen");
	else
		(void)snprintf(out, SENTENCE_SIZE, "%s (%s)", pictures[picture],
			       evidence[host->decision.evidence]);
}

static void say_virtual(const struct host *host, const struct device *device,
			char out[SENTENCE_SIZE])
{
	char address[ADDRESS_SIZE] = "one that is gone";

	if (!device->is_virtual) {
		(void)snprintf(out, SENTENCE_SIZE, "no virtual function");
		return;
	}
	if (device->physfn != NO_DEVICE)
		(void)address_format(host->judged.inventory.devices[device->physfn].address,
				     address);
	if (device->vf == VF_NONE) /* as while it is being made */
		(void)snprintf(out, SENTENCE_SIZE, "a virtual function of %s", address);
	else
		(void)snprintf(out, SENTENCE_SIZE, "virtual function %u of %s", device->vf,
			       address);
}

const char *say_selector(struct host *host, enum selector selector, size_t index,
			 char out[SENTENCE_SIZE])
{
	const struct device *device = device_at(host, index);
	char path[PATH_SIZE], address[ADDRESS_SIZE];

	switch (selector) {
	case SELECT_ADDRESS:
		(void)address_format(device->address, address);
		(void)snprintf(out, SENTENCE_SIZE, "address %s", address);
		break;
	case SELECT_ID:
		(void)snprintf(out, SENTENCE_SIZE, "id %04x:%04x", device->vendor, device->device);
		break;
	case SELECT_SUBSYSTEM:
		(void)snprintf(out, SENTENCE_SIZE, "subsystem %04x:%04x", device->subvendor,
			       device->subdevice);
		break;
	case SELECT_CLASS:
		(void)snprintf(out, SENTENCE_SIZE, "class %06x", device->class);
		break;
	case SELECT_PATH:
		(void)path_format(&host->judged.inventory, index, path);
		(void)snprintf(out, SENTENCE_SIZE, "path %.400s", path);
		break;
	case SELECT_BOOT_VGA:
		say_boot_vga(device, out);
		break;
	case SELECT_BOOT_DISPLAY:
		say_picture(host, index, out);
		break;
	case SELECT_PF:
	case SELECT_VF:
		say_virtual(host, device, out);
		break;
	case SELECT_SLOT:
		say_slot(host, index, out);
		break;
	case SELECT_DSN:
		say_dsn(device, out);
		break;
	case SELECTORS:
		break;
	}
	return out;
}

static void say_group(struct host *host, size_t index, char out[SENTENCE_SIZE])
{
	const struct inventory *inventory = &host->judged.inventory;
	const struct device *device = device_at(host, index);
	const char *before = "with ";
	size_t len;

	if (!(device->known & FACT_GROUP) || device->group == GROUP_NONE) {
		(void)snprintf(out, SENTENCE_SIZE, "in no IOMMU group");
		return;
	}
	len = (size_t)snprintf(out, SENTENCE_SIZE, "group %d, ", device->group);
	for (size_t i = 0; i < inventory->count; i++) {
		char address[ADDRESS_SIZE];

		if (i == index || !(inventory->devices[i].known & FACT_GROUP) ||
		    inventory->devices[i].group != device->group)
			continue;
		(void)address_format(inventory->devices[i].address, address);
		if (len + ADDRESS_SIZE + 8 < SENTENCE_SIZE)
			len += (size_t)snprintf(out + len, SENTENCE_SIZE - len, "%s%s", before,
						address);
		before = ", ";
	}
	if (before[0] == 'w')
		(void)snprintf(out + len, SENTENCE_SIZE - len, "alone in it");
}

static void say_protect(struct host *host, enum use use, size_t index, char out[SENTENCE_SIZE])
{
	bool wants_dsn;
	const struct protect_line *line = protect_find(
		&host->judged.protect, &host->judged.inventory, index, use, &wants_dsn);

	if (line)
		(void)snprintf(out, SENTENCE_SIZE, "the host's %s is at path=%.*s id=%04x:%04x",
			       use_name(use), (int)line->path.len, line->path.at, line->vendor,
			       line->device);
	else
		(void)snprintf(out, SENTENCE_SIZE, "not %sthe host's %s",
			       host->judged.protect.unknown ? "known to be " : "", use_name(use));
}

static void say_holder(const struct device *device, char out[SENTENCE_SIZE])
{
	if (device->driver[0])
		(void)snprintf(out, SENTENCE_SIZE, "%s holds it", device->driver);
	else
		(void)snprintf(out, SENTENCE_SIZE, "no driver holds it then");
}

/* The screens the plan leaves to the host. */
static void say_screens(struct host *host, char out[SENTENCE_SIZE])
{
	const struct inventory *inventory = &host->judged.inventory;
	const char *before = "the host keeps ";
	size_t len = 0;

	(void)snprintf(out, SENTENCE_SIZE, "no screen would be left to the host");
	if (host->decision.last_display)
		return;
	for (size_t i = 0; i < inventory->count; i++) {
		char address[ADDRESS_SIZE];

		if (!screen_is_left(&host->decision, i))
			continue;
		(void)address_format(inventory->devices[i].address, address);
		if (len + ADDRESS_SIZE + 24 < SENTENCE_SIZE)
			len += (size_t)snprintf(out + len, SENTENCE_SIZE - len, "%s%s", before,
						address);
		before = ", ";
	}
}

const char *say_guard(struct host *host, enum reason guard, size_t index, char out[SENTENCE_SIZE])
{
	const struct device *device = device_at(host, index);
	char address[ADDRESS_SIZE];

	out[0] = '\0';
	switch ((unsigned)guard) {
	case REASON_BRIDGE:
		return say_selector(host, SELECT_CLASS, index, out);
	case REASON_BEHIND_VMD:
		(void)address_format(device->below, address);
		if (device->below_function)
			(void)snprintf(out, SENTENCE_SIZE, "below %s", address);
		break;
	case REASON_NO_IOMMU:
		say_group(host, index, out);
		break;
	case REASON_AMBIGUOUS_DISPLAY:
	case REASON_BOOT_DISPLAY:
		say_picture(host, index, out);
		break;
	case REASON_HOST_STORAGE:
		say_protect(host, USE_STORAGE, index, out);
		break;
	case REASON_HOST_NETWORK:
		say_protect(host, USE_NETWORK, index, out);
		break;
	case REASON_HOST_INPUT:
		say_protect(host, USE_INPUT, index, out);
		break;
	case REASON_HOST_UNKNOWN:
		if (host->judged.protect.unknown)
			(void)snprintf(out, SENTENCE_SIZE, "nobody can say what the host lives on");
		break;
	case REASON_IN_USE:
		(void)snprintf(out, SENTENCE_SIZE, "%s",
			       device->disk_in_use ? "a disk on it is in use" :
						     "no disk on it is in use");
		break;
	case REASON_BOUND_DISPLAY:
		if (device_has_base_class(device, CLASS_BASE_DISPLAY) ||
		    device_has_base_class(device, CLASS_BASE_ACCELERATOR))
			say_holder(device, out);
		else
			(void)snprintf(out, SENTENCE_SIZE, "neither display nor accelerator");
		break;
	case REASON_LAST_DISPLAY:
		say_screens(host, out);
		break;
	default: /* no guard, or one with nothing to add to its name */
		break;
	}
	return out;
}

const char *say_unmet(const struct host *host, size_t rule, char out[SENTENCE_SIZE])
{
	char detail[RULE_DETAIL_SIZE];

	(void)rule_detail(&host->decision, rule, detail);
	(void)snprintf(out, SENTENCE_SIZE, "%s%s%s",
		       reason_text(host->judged.plan.results[rule].reason), detail[0] ? ": " : "",
		       detail);
	return out;
}
