/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shell scripts of guides, which write addresses, or what boot_vga tells, to driver_override. */
#include "imports.h"

#include <string.h>

/* Our own hooks and programs carry this name, and do none of it. */
#define OURS "vfio-bind"

struct reading {
	struct imports *imports;
	bool overrides, boot_vga; /* the words stand in it */
	bool began;               /* the second time through: there is a place to add to */
};

static bool contains(struct text text, const char *what)
{
	return text.len && memmem(text.at, text.len, what, strlen(what));
}

static bool take_words(void *context, const struct conf_line *line)
{
	struct reading *reading = context;

	reading->overrides |= contains(line->text, "driver_override");
	reading->boot_vga |= contains(line->text, "boot_vga");
	return true;
}

static bool is_address_byte(char c)
{
	return c == ':' || c == '.' || hex_values[(unsigned char)c] >= 0;
}

/* Adds what looks like an address with its domain; anything else in a script is shell. */
static bool take_script_addresses(void *context, const struct conf_line *line)
{
	struct reading *reading = context;
	const char *at = line->text.at;
	struct address address;
	size_t start = 0;

	for (size_t i = 0; i <= line->text.len; i++) {
		struct text word = { at + start, i - start };

		if (i < line->text.len && is_address_byte(at[i]))
			continue;
		start = i + 1;
		if (word.len < sizeof("0000:00:00.0") - 1 || !address_parse(word, &address))
			continue;
		if (!reading->began) {
			char place[CONF_PLACE_SIZE];

			(void)join(place, sizeof(place), "/", line->path, "");
			reading->began = import_begin(reading->imports, IMPORT_SCRIPT, place,
						      text_of("addresses for driver_override"));
		}
		import_address(reading->imports, word, text_of("vfio-pci"));
	}
	return true;
}

static void take_script(struct imports *imports, const char *path)
{
	struct machine *machine = &imports->host->judged.machine;
	struct reading reading = { .imports = imports };
	char place[CONF_PLACE_SIZE];

	if (conf_read(machine, path, take_words, &reading) || !reading.overrides)
		return;
	if (!reading.boot_vga)
		(void)conf_read(machine, path, take_script_addresses, &reading);
	else if (join(place, sizeof(place), "/", path, ""))
		(void)import_begin(imports, IMPORT_RECIPE, place,
				   text_of("driver_override by boot_vga"));
}

/* The scripts in a directory, all of them or those whose name speaks of vfio. */
static void find_in(struct imports *imports, const char *dir_path, bool all)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE];
	const char *name;
	int err;

	if (dir_open(&imports->host->judged.machine, dir_path, &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		if (name[0] != '.' && !strstr(name, OURS) && (all || strstr(name, "vfio")) &&
		    join(path, sizeof(path), dir_path, "/", name))
			take_script(imports, path);
	dir_close(&dir);
}

/* A module of dracut is a directory. */
static void find_dracut(struct imports *imports, const char *modules)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE];
	const char *name;
	int err;

	if (dir_open(&imports->host->judged.machine, modules, &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		if (strstr(name, "vfio") && !strstr(name, OURS) &&
		    join(path, sizeof(path), modules, "/", name))
			find_in(imports, path, true);
	dir_close(&dir);
}

void import_scripts(struct imports *imports)
{
	static const struct {
		const char *path;
		bool all;
	} dirs[] = {
		{ "etc/initramfs-tools/scripts/init-top", true },
		{ "etc/initramfs-tools/scripts/init-premount", true },
		{ "etc/initcpio/hooks", true },
		{ "etc/initcpio/install", true },
		{ "usr/lib/initcpio/hooks", false },
		{ "usr/local/bin", false },
		{ "usr/local/sbin", false },
		{ "usr/bin", false },
		{ "usr/sbin", false },
		{ "bin", false },
		{ "sbin", false },
	};
	struct machine *machine = &imports->host->judged.machine;
	char link[MACHINE_PATH_SIZE];

	/* Where directories are merged, all but one of their names are links. */
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (machine_readlink(machine, dirs[i].path, link, sizeof(link)) <= 0)
			find_in(imports, dirs[i].path, dirs[i].all);
	find_dracut(imports, "usr/lib/dracut/modules.d");
	find_dracut(imports, "etc/dracut/modules.d");
}
