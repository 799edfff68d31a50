/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of ids and addresses in the settings of the kernel and of programs that bind. */
#include "imports.h"

#include "base/cmdline_files.h"
#include "base/id_list.h"
#include "base/udev_rule.h"
#include "base/words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The addresses that a word of Qubes, Xen or the vfio-pci-override scripts hides. */
static bool is_hide_key(struct text key)
{
	return text_is(key, "rd.qubes.hide_pci") || text_is(key, "xen-pciback.hide") ||
	       text_is(key, "pciback.hide") || text_is(key, "vfio-pci-devices");
}

/* supergfxctl: its daemon takes the mode from the command line too. */
static bool is_supergfxd(const struct cmdline_word *word)
{
	return text_is(word->name, "supergfxd.mode") && word->value.len == 4 &&
	       !strncasecmp(word->value.at, "vfio", 4);
}

static void take_words(struct imports *imports, const char *place, struct text rest)
{
	struct cmdline_word word;

	while (cmdline_next(&rest, &word)) {
		bool ids = is_kinds_parameter(word.name);

		if (word.value.len && is_supergfxd(&word))
			import_recipe(imports, IMPORT_SUPERGFXD, place, word.whole,
				      RULE_SECOND_SCREEN);
		if (!word.value.len || (!ids && !is_hide_key(word.name)) ||
		    !import_begin(imports, IMPORT_CMDLINE, place, word.whole))
			continue;
		if (ids)
			import_ids(imports, word.value);
		else
			import_addresses(imports, word.value);
	}
}

static bool take_cmdline(void *context, const struct conf_line *line, struct text cmdline)
{
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	take_words(context, place, cmdline);
	return true;
}

/* "MODULE ids=...", of modprobe.d(5) behind "options", of initramfs-tools.conf(5) as it stands. */
static void take_options(struct imports *imports, const struct conf_line *line, struct text rest)
{
	struct text module, list;

	if (!word_next(&rest, &module))
		return;
	if (!takes_kinds(module)) {
		import_max_vfs(imports, line, module, rest);
		return;
	}
	list = kinds_in_options(rest);
	if (list.len && import_begin_line(imports, IMPORT_MODPROBE, line))
		import_ids(imports, list);
}

static bool take_modprobe(void *context, const struct conf_line *line)
{
	struct text rest = line->text, word;

	import_install(context, line->text);
	if (!word_next(&rest, &word))
		return true;
	if (text_is(word, "options"))
		take_options(context, line, rest);
	else if (text_is(word, "install"))
		import_loaded(context, IMPORT_MODPROBE, line);
	return true;
}

static bool take_module(void *context, const struct conf_line *line)
{
	take_options(context, line, line->text);
	return true;
}

static bool take_udev(void *context, const struct conf_line *line)
{
	if (udev_rule_overrides(line->text))
		import_udev(context, line);
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
	len = machine_read(imports->machine, path, driver, sizeof(driver));
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

	if (dir_open(imports->machine, "etc/driverctl.d", &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		if (name[0] != '.')
			take_driverctl(imports, name);
	dir_close(&dir);
}

static void take_cfg(struct imports *imports, const struct conf_line *line,
		     enum import_source source, const char *wanted)
{
	struct text value = line->text, key;

	if (text_cut(&value, '=', &key) && value.at && text_is(key, wanted) &&
	    import_begin_line(imports, source, line))
		import_addresses(imports, value);
}

/* BIND=0000:03:00.0|10de:1b81 03:00.1: unraid/webgui, SysDevs page */
static bool take_unraid(void *context, const struct conf_line *line)
{
	take_cfg(context, line, IMPORT_UNRAID, "BIND");
	return true;
}

/* DEVICES="0000:01:00.0 0000:01:00.1": the scripts of old guides that are called vfio-bind */
static bool take_old_cfg(void *context, const struct conf_line *line)
{
	if (memchr(line->text.at, '=', line->text.len))
		take_cfg(context, line, IMPORT_CFG, "DEVICES");
	else if (import_begin_line(context, IMPORT_CFG, line))
		import_addresses(context, line->text);
	return true;
}

static bool take_devices(void *context, const struct conf_line *line)
{
	take_cfg(context, line, IMPORT_CFG, "DEVICES");
	return true;
}

void import_settings(struct imports *imports)
{
	struct machine *machine = imports->machine;

	take_words(imports, "kernel command line", text_of(imports->host->judged.cmdline));
	if (imports->host->from_file)
		return;
	cmdline_files_read(machine, take_cmdline, imports);
	(void)conf_read_modprobe(machine, take_modprobe, imports);
	(void)conf_read(machine, "etc/initramfs-tools/modules", take_module, imports);
	find_driverctl(imports);
	(void)conf_read_udev(machine, take_udev, imports);
	(void)conf_read(machine, "boot/config/vfio-pci.cfg", take_unraid, imports);
	(void)conf_read(machine, "etc/vfio-pci.cfg", take_old_cfg, imports);
}

void import_settings_read(struct imports *imports, const char *path)
{
	static const conf_take takes[] = { take_modprobe, take_module, take_udev, take_unraid,
					   take_devices };
	static const conf_take cmdlines[] = { cmdline_take_line, cmdline_take_setting };
	struct cmdline_reading cmdline = { .take = take_cmdline, .context = imports };

	for (size_t i = 0; i < ARRAY_SIZE(takes); i++)
		(void)conf_read(imports->machine, path, takes[i], imports);
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++)
		(void)conf_read(imports->machine, path, cmdlines[i], &cmdline);
}
