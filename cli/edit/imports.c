/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "imports.h"

#include "base/id_list.h"
#include "base/printable.h"
#include "base/words.h"

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
		[IMPORT_SCRIPT] = "script",
		[IMPORT_RECIPE] = "boot_vga recipe",
	};

	return names[source];
}

bool import_begin(struct imports *imports, enum import_source source, const char *place,
		  struct text text)
{
	struct import *import = &imports->list[imports->count];

	imports->overflow |= imports->count == IMPORTS_MAX;
	imports->current = NULL;
	if (imports->count == IMPORTS_MAX)
		return false;
	*import = (struct import){ .source = source };
	(void)snprintf(import->place, sizeof(import->place), "%s", place);
	(void)snprintf(import->text, sizeof(import->text), "%.*s", (int)text.len, text.at);
	make_printable(import->place);
	make_printable(import->text);
	imports->count++;
	imports->current = import;
	return true;
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

/* True if the id behind an address is another than the device shows that stands there. */
static bool is_other(const struct device *device, struct text id)
{
	uint32_t vendor, product;
	struct text first;

	return id.len && text_cut(&id, ':', &first) && id.at && text_hex(first, 4, 4, &vendor) &&
	       text_hex(id, 4, 4, &product) &&
	       (vendor != device->vendor || product != device->device);
}

void import_address(struct imports *imports, struct text word, struct text driver)
{
	const struct inventory *inventory = &imports->host->judged.inventory;
	struct import_device *device = add(imports, word);
	struct text rest = word, place;
	struct address address;

	if (!device)
		return;
	(void)text_cut(&rest, memchr(word.at, '+', word.len) ? '+' : '|', &place);
	(void)snprintf(device->driver, sizeof(device->driver), "%.*s", (int)driver.len, driver.at);
	device->unknown = !address_parse(place, &address);
	if (device->unknown)
		return;
	device->index = inventory_find(inventory, address);
	if (device->index != NO_DEVICE && rest.at)
		device->other = is_other(&inventory->devices[device->index], rest);
}

void import_addresses(struct imports *imports, struct text list)
{
	static const char between[] = " \t,\"'()";
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

/* The addresses that a word of Qubes, Xen or the vfio-pci-override scripts hides. */
static bool is_hide_key(struct text key)
{
	return text_is(key, "rd.qubes.hide_pci") || text_is(key, "xen-pciback.hide") ||
	       text_is(key, "pciback.hide") || text_is(key, "vfio-pci-devices");
}

static void find_cmdline(struct imports *imports)
{
	struct text rest = text_of(imports->host->judged.cmdline);
	struct cmdline_word word;

	while (cmdline_next(&rest, &word)) {
		bool ids = is_kinds_parameter(word.name);

		if (!word.value.len || (!ids && !is_hide_key(word.name)) ||
		    !import_begin(imports, IMPORT_CMDLINE, "kernel command line", word.whole))
			continue;
		if (ids)
			import_ids(imports, word.value);
		else
			import_addresses(imports, word.value);
	}
}

/* "MODULE ids=...", of modprobe.d(5) behind "options", of initramfs-tools.conf(5) as it stands. */
static void take_options(struct imports *imports, const struct conf_line *line, struct text rest)
{
	struct text module, list;
	char place[CONF_PLACE_SIZE];

	if (!word_next(&rest, &module) || !takes_kinds(module))
		return;
	list = kinds_in_options(rest);
	conf_place(line, place);
	if (list.len && import_begin(imports, IMPORT_MODPROBE, place, line->text))
		import_ids(imports, list);
}

static bool take_modprobe(void *context, const struct conf_line *line)
{
	struct text rest = line->text, word;

	import_install(context, line->text);
	if (word_next(&rest, &word) && text_is(word, "options"))
		take_options(context, line, rest);
	return true;
}

static bool take_module(void *context, const struct conf_line *line)
{
	take_options(context, line, line->text);
	return true;
}

static void find_modprobe(struct imports *imports)
{
	struct machine *machine = &imports->host->judged.machine;

	(void)conf_read_modprobe(machine, take_modprobe, imports);
	(void)conf_read(machine, "etc/initramfs-tools/modules", take_module, imports);
}

static bool take_udev(void *context, const struct conf_line *line, struct text what)
{
	struct imports *imports = context;
	char place[CONF_PLACE_SIZE];
	struct address address;

	conf_place(line, place);
	if (!import_begin(imports, IMPORT_UDEV, place, line->text))
		return true;
	if (address_parse(what, &address))
		import_address(imports, what, text_of("vfio-pci"));
	else
		import_ids(imports, what);
	return true;
}

/* A file is called pci-ADDRESS, or ADDRESS by old versions, and holds the driver: driverctl(8). */
static void take_driverctl(struct imports *imports, const char *name)
{
	static const char dir[] = "etc/driverctl.d/", bus[] = "pci-";
	char path[MACHINE_PATH_SIZE], place[CONF_PLACE_SIZE], driver[64];
	struct text line = { driver, 0 }, word;
	ssize_t len;

	if (!join(path, sizeof(path), dir, name, ""))
		return;
	len = machine_read(&imports->host->judged.machine, path, driver, sizeof(driver));
	line.len = len > 0 ? strcspn(driver, "\r\n") : 0;
	if (!word_next(&line, &word) || !driver_is_choice(word))
		return;
	(void)snprintf(place, sizeof(place), "/%.300s", path);
	if (!strncmp(name, bus, sizeof(bus) - 1))
		name += sizeof(bus) - 1;
	if (import_begin(imports, IMPORT_DRIVERCTL, place, word))
		import_address(imports, text_of(name), word);
}

static void find_driverctl(struct imports *imports)
{
	static struct dir dir;
	const char *name;
	int err;

	if (dir_open(&imports->host->judged.machine, "etc/driverctl.d", &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		if (name[0] != '.')
			take_driverctl(imports, name);
	dir_close(&dir);
}

static bool take_cfg(struct imports *imports, const struct conf_line *line,
		     enum import_source source, const char *wanted)
{
	struct text value = line->text, key;
	char place[CONF_PLACE_SIZE];

	if (!text_cut(&value, '=', &key) || !value.at || !text_is(key, wanted))
		return true;
	conf_place(line, place);
	if (import_begin(imports, source, place, line->text))
		import_addresses(imports, value);
	return true;
}

/* BIND=0000:03:00.0|10de:1b81 03:00.1: unraid/webgui, SysDevs page */
static bool take_unraid(void *context, const struct conf_line *line)
{
	return take_cfg(context, line, IMPORT_UNRAID, "BIND");
}

/* DEVICES="0000:01:00.0 0000:01:00.1": the scripts of old guides that are called vfio-bind */
static bool take_old_cfg(void *context, const struct conf_line *line)
{
	char place[CONF_PLACE_SIZE];

	if (memchr(line->text.at, '=', line->text.len))
		return take_cfg(context, line, IMPORT_CFG, "DEVICES");
	conf_place(line, place);
	if (import_begin(context, IMPORT_CFG, place, line->text))
		import_addresses(context, line->text);
	return true;
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
	struct machine *machine = &host->judged.machine;

	imports->host = host;
	find_cmdline(imports);
	if (!host->from_file) {
		find_modprobe(imports);
		find_driverctl(imports);
		(void)kinds_read_udev(machine, take_udev, imports);
		(void)conf_read(machine, "boot/config/vfio-pci.cfg", take_unraid, imports);
		(void)conf_read(machine, "etc/vfio-pci.cfg", take_old_cfg, imports);
		import_scripts(imports);
	}
	sort(imports);
}
