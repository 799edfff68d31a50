/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "imports.h"

#include "base/id_list.h"
#include "base/printable.h"
#include "base/udev_rule.h"

#include <stdio.h>
#include <string.h>

const char *import_name(enum import_source source)
{
	static const char *const names[] = {
		[IMPORT_CMDLINE] = "kernel command line",
		[IMPORT_MODPROBE] = "modprobe.d",
		[IMPORT_DRIVERCTL] = "driverctl",
		[IMPORT_UDEV] = "udev rule",
		[IMPORT_UNRAID] = "Unraid",
		[IMPORT_CFG] = "vfio-pci.cfg",
		[IMPORT_PROXMOX] = "Proxmox",
		[IMPORT_TRUENAS] = "TrueNAS",
		[IMPORT_INCUSOS] = "IncusOS",
		[IMPORT_TALOS] = "Talos",
		[IMPORT_SUPERGFXD] = "supergfxd",
		[IMPORT_SCRIPT] = "script",
		[IMPORT_RECIPE] = "boot_vga recipe",
	};

	return names[source];
}

const char import_mediated[] =
	"is shared out as mediated devices: its driver stays, and no rule is needed";

bool import_begin(struct imports *imports, enum import_source source, const char *place,
		  struct text text)
{
	struct import *import = &imports->list[imports->count];

	imports->overflow |= imports->count == IMPORTS_MAX;
	imports->current = NULL;
	if (imports->count == IMPORTS_MAX)
		return false;
	while (text.len && (text.at[0] == ' ' || text.at[0] == '\t'))
		text = (struct text){ text.at + 1, text.len - 1 };
	*import = (struct import){ .source = source };
	(void)snprintf(import->place, sizeof(import->place), "%s", place);
	(void)snprintf(import->text, sizeof(import->text), "%.*s", (int)text.len, text.at);
	make_printable(import->place);
	make_printable(import->text);
	imports->count++;
	imports->current = import;
	return true;
}

void import_recipe(struct imports *imports, enum import_source source, const char *place,
		   struct text text, const char *rule)
{
	if (import_begin(imports, source, place, text))
		(void)snprintf(imports->current->rule, IMPORT_RULE_SIZE, "%s", rule);
}

bool import_begin_line(struct imports *imports, enum import_source source,
		       const struct conf_line *line)
{
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	return import_begin(imports, source, place, line->text);
}

static struct import_device *add(struct imports *imports, struct text item)
{
	struct import_device *device = &imports->devices[imports->device_count];

	imports->overflow |= imports->device_count == IMPORT_DEVICES_MAX;
	if (!imports->current || imports->device_count == IMPORT_DEVICES_MAX)
		return NULL;
	*device = (struct import_device){
		.import = (size_t)(imports->current - imports->list),
		.index = NO_DEVICE,
		.driver = "vfio-pci",
	};
	(void)snprintf(device->item, sizeof(device->item), "%.*s", (int)item.len, item.at);
	make_printable(device->item);
	imports->device_count++;
	return device;
}

static void add_kind(struct imports *imports, const struct kind *kind)
{
	const struct inventory *inventory = &imports->host->judged.inventory;
	struct import_device *device;
	bool any = false;

	for (size_t i = 0; i < inventory->count; i++) {
		if (!kind_matches(kind, &inventory->devices[i]))
			continue;
		any = true;
		device = add(imports, kind->text);
		if (device) {
			device->index = i;
			device->by_kind = true;
		}
	}
	if (!any)
		(void)add(imports, kind->text);
}

void import_ids(struct imports *imports, struct text list)
{
	struct kind kind;

	while (kind_next(&list, &kind))
		add_kind(imports, &kind);
}

/* Takes VVVV:DDDD for the id that the device shall have; anything else says nothing. */
static void set_id(struct import_device *device, struct text id)
{
	struct text vendor;

	device->has_id = id.len && text_cut(&id, ':', &vendor) && id.at &&
			 text_hex(vendor, 4, 4, &device->vendor) &&
			 text_hex(id, 4, 4, &device->device);
}

void import_address(struct imports *imports, struct text word, struct text driver)
{
	struct import_device *device = add(imports, word);
	struct text rest = word, place;
	struct address address;

	if (!device)
		return;
	(void)text_cut(&rest, memchr(word.at, '+', word.len) ? '+' : '|', &place);
	(void)snprintf(device->driver, sizeof(device->driver), "%.*s", (int)driver.len, driver.at);
	if (rest.at)
		set_id(device, rest);
	if (address_parse(place, &address))
		device->index = inventory_find(&imports->host->judged.inventory, address);
	else
		device->unread = "is no address";
}

void import_udev(struct imports *imports, const struct conf_line *line)
{
	const struct inventory *inventory = &imports->host->judged.inventory;
	char id[UDEV_ID_SIZE], text[ADDRESS_SIZE];
	struct text what = udev_rule_device(line->text, id);
	bool begun = what.len && import_begin_line(imports, IMPORT_UDEV, line);

	if (what.at == id && begun)
		import_ids(imports, what);
	else if (begun)
		import_address(imports, what, text_of("vfio-pci"));
	for (size_t i = 0; !what.len && i < inventory->count; i++) {
		if (!udev_rule_matches(line->text, &inventory->devices[i]))
			continue;
		if (!begun && !(begun = import_begin_line(imports, IMPORT_UDEV, line)))
			return;
		(void)address_format(inventory->devices[i].address, text);
		import_address(imports, text_of(text), text_of("vfio-pci"));
	}
}

void import_slot(struct imports *imports, struct text word, struct text id)
{
	const struct inventory *inventory = &imports->host->judged.inventory;
	struct import_device *device;
	char first[IMPORT_ITEM_SIZE];
	struct address address;
	bool any = false;

	(void)snprintf(first, sizeof(first), "%.*s.0", (int)word.len, word.at);
	if (address_parse(word, &address) || !address_parse(text_of(first), &address)) {
		import_address(imports, word, text_of("vfio-pci"));
		if (imports->device_count && imports->current)
			set_id(&imports->devices[imports->device_count - 1], id);
		return;
	}
	for (size_t i = 0; i < inventory->count; i++) {
		if (!address_same_slot(inventory->devices[i].address, address))
			continue;
		device = add(imports, word);
		if (!device)
			return;
		device->index = i;
		if (!any)
			set_id(device, id);
		any = true;
	}
	if (!any && (device = add(imports, word)))
		set_id(device, id);
}

void import_addresses(struct imports *imports, struct text list)
{
	static const char between[] = " \t,;\"'()[]";
	size_t start = 0;

	for (size_t i = 0; i <= list.len; i++) {
		if (i < list.len && !strchr(between, list.at[i]))
			continue;
		if (i > start)
			import_address(imports, (struct text){ list.at + start, i - start },
				       text_of("vfio-pci"));
		start = i + 1;
	}
}

void import_unread(struct imports *imports, struct text word, const char *why)
{
	struct import_device *device = add(imports, word);

	if (device)
		device->unread = why;
}

bool import_knows(const struct imports *imports, const char *place)
{
	size_t len = strlen(place);

	for (size_t i = 0; i < imports->count; i++)
		if (!strncmp(imports->list[i].place, place, len) &&
		    (imports->list[i].place[len] == ':' || !imports->list[i].place[len]))
			return true;
	return false;
}

static bool comes_before(const struct import *a, const struct import *b)
{
	if (a->source != b->source)
		return a->source < b->source;
	return strverscmp(a->place, b->place) < 0;
}

/* Directories are listed in any order, and what is printed has one. */
static void sort(struct imports *imports)
{
	for (size_t i = 0; i < imports->count; i++) {
		size_t at = i;

		for (;
		     at && comes_before(&imports->list[i], &imports->list[imports->order[at - 1]]);
		     at--)
			imports->order[at] = imports->order[at - 1];
		imports->order[at] = i;
	}
}

void imports_find(struct imports *imports, struct host *host)
{
	imports->host = host;
	imports->machine = &host->judged.machine;
	import_settings(imports);
	if (!host->from_file) {
		import_proxmox(imports);
		import_systems(imports);
		import_scripts(imports);
		import_vfs(imports);
	}
	sort(imports);
}

void imports_read(struct imports *imports, struct host *host, struct machine *machine,
		  const char *path)
{
	imports->host = host;
	imports->machine = machine;
	import_settings_read(imports, path);
	import_proxmox_read(imports, path);
	import_systems_read(imports, path);
	import_script(imports, path);
	sort(imports);
}
