/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "identity.h"

#include "base/printable.h"
#include "disk_info.h"
#include "value.h"

#include <stdio.h>
#include <string.h>

static bool same_id(const struct device *a, const struct device *b)
{
	return a->vendor == b->vendor && a->device == b->device;
}

size_t identity_twin(const struct host *host, size_t index, size_t start)
{
	const struct inventory *inventory = &host->judged.inventory;

	for (size_t i = start; i < inventory->count; i++)
		if (i != index && same_id(&inventory->devices[i], &inventory->devices[index]))
			return i;
	return NO_DEVICE;
}

/*
 * A number found in another slot voids the rule, and one that all functions of a card share
 * names only one of them where their ids differ.
 */
static bool has_own_dsn(const struct inventory *inventory, size_t index)
{
	const struct device *device = &inventory->devices[index];

	if (!(device->known & FACT_DSN) || !device->dsn || device->dsn == UINT64_MAX)
		return false;
	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *other = &inventory->devices[i];

		if (i != index && (other->known & FACT_DSN) && other->dsn == device->dsn &&
		    (same_id(other, device) || !address_same_slot(other->address, device->address)))
			return false;
	}
	return true;
}

/* "dsn=...", "path=...", or where no path leads to it "address=...". */
static void format_place(const struct inventory *inventory, size_t index, char out[IDENTITY_SIZE])
{
	static const char by_dsn[] = "dsn=", by_path[] = "path=", by_address[] = "address=";
	const struct device *device = &inventory->devices[index];
	char physfn[IDENTITY_SIZE];

	/* Where the others end and it begins is for its physical function to say. */
	if (device->is_virtual && device->physfn != NO_DEVICE && device->vf != VF_NONE) {
		(void)path_format(inventory, device->physfn, physfn);
		(void)snprintf(out, IDENTITY_SIZE, "pf=%.*s vf=%u", (int)(IDENTITY_SIZE - 16),
			       physfn, device->vf);
		return;
	}

	if (has_own_dsn(inventory, index)) {
		memcpy(out, by_dsn, sizeof(by_dsn));
		dsn_format(device->dsn, out + sizeof(by_dsn) - 1);
		return;
	}
	memcpy(out, by_path, sizeof(by_path));
	(void)path_format(inventory, index, out + sizeof(by_path) - 1);
	if (path_find(text_of(out + sizeof(by_path) - 1), inventory) == index)
		return;
	memcpy(out, by_address, sizeof(by_address));
	(void)address_format(device->address, out + sizeof(by_address) - 1);
}

const char *identity_format(const struct host *host, size_t index, char out[IDENTITY_SIZE])
{
	const struct device *device = &host->judged.inventory.devices[index];
	/* A card that is no longer the first changes from 0300 to 0380, and stays a display. */
	const char *class = device_has_base_class(device, CLASS_BASE_DISPLAY) ?
				    "display" :
				    class_name(device->class);
	char place[IDENTITY_SIZE];

	format_place(&host->judged.inventory, index, place);
	(void)snprintf(out, IDENTITY_SIZE, "%s%s%.*s id=%04x:%04x", class ? class : "",
		       class ? " " : "", (int)(IDENTITY_SIZE - 32), place, device->vendor,
		       device->device);
	return out;
}

/* Model and serial number of the only disk on the function, or nothing. */
static void disk_title(struct host *host, size_t index, char out[NAME_TEXT_SIZE])
{
	const struct device *device = &host->judged.inventory.devices[index];
	static struct disk_list list;
	const struct disk_info *found = NULL;

	out[0] = '\0';
	list.count = 0;
	if (host->from_file || device->class != CLASS_NVME)
		return;
	disk_list_read(&list, &host->judged.machine, &host->judged.inventory);
	for (size_t i = 0; i < list.count; i++)
		if (list.disks[i].function == index)
			found = &list.disks[i];
	if (found && found->model[0])
		(void)snprintf(out, NAME_TEXT_SIZE, "%s%s%s", found->model,
			       found->serial[0] ? " " : "", found->serial);
}

const char *identity_title(struct host *host, size_t index, char out[TITLE_SIZE])
{
	const struct device *device = &host->judged.inventory.devices[index];
	char name[NAME_TEXT_SIZE], address[ADDRESS_SIZE];

	disk_title(host, index, name);
	if (!name[0] && !device_short_name(device, name)[0])
		(void)device_class_text(device, name);
	(void)address_format(device->address, address);
	(void)snprintf(out, TITLE_SIZE, "%s at %s", name, address);
	make_printable(out);
	return out;
}

const char *identity_companions(const struct host *host, size_t index, char out[TITLE_SIZE])
{
	const struct plan *plan = &host->judged.plan;
	const char *before = ", with ";
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		const struct device *device = &host->judged.inventory.devices[i];
		struct verdict verdict = plan_verdict(plan, i);
		char address[ADDRESS_SIZE], class[NAME_TEXT_SIZE];

		if (verdict.kind != VERDICT_BIND || verdict.reason != REASON_COMPANION ||
		    plan->tallies[i].with != index || len + 64 > TITLE_SIZE)
			continue;
		(void)address_format(device->address, address);
		len += (size_t)snprintf(out + len, TITLE_SIZE - len, "%s%.16s %s", before,
					device_class_text(device, class), address);
		before = ", ";
	}
	return out;
}
