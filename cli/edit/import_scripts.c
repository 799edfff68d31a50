/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shell scripts of guides, which write addresses, or what boot_vga tells, to driver_override, or load
 * vfio-pci with ids.
 */
#include "imports.h"

#include "base/id_list.h"
#include "base/udev_rule.h"
#include "base/words.h"

#include <stdio.h>
#include <string.h>

/* Our own hooks and programs carry this name, and do none of it. */
#define OURS "vfio-bind"

struct reading {
	bool overrides; /* it hands devices to vfio-pci, by one of the kernel's three ways */
	bool boot_vga;
	bool numvfs;
};

static bool contains(struct text text, const char *what)
{
	return text.len && memmem(text.at, text.len, what, strlen(what));
}

/* The word behind an "ids=" of a line that loads vfio-pci; empty if there is none. */
static struct text loaded_kinds(struct text line)
{
	static const char ids[] = "ids=", ends[] = " \t\"';&|)`";
	struct text rest = line, word;

	if (!conf_has_word(line, "vfio-pci") && !conf_has_word(line, "pci-stub"))
		return (struct text){ 0 };
	while (word_next(&rest, &word)) {
		while (word.len && strchr("\"'", word.at[0]))
			word = (struct text){ word.at + 1, word.len - 1 };
		if (word.len <= sizeof(ids) - 1 || memcmp(word.at, ids, sizeof(ids) - 1) != 0)
			continue;
		word = (struct text){ word.at + sizeof(ids) - 1, word.len - (sizeof(ids) - 1) };
		for (size_t i = 0; i < word.len; i++)
			if (strchr(ends, word.at[i]))
				word.len = i;
		return word;
	}
	return (struct text){ 0 };
}

/* "VVVV:DDDD" of echo "VVVV DDDD" > .../vfio-pci/new_id; empty if the line is none. */
static struct text new_id(struct text line, char id[UDEV_ID_SIZE])
{
	struct text rest = line, word, before = { 0 };
	uint32_t vendor, device;

	if (!contains(line, "vfio-pci/new_id"))
		return (struct text){ 0 };
	while (word_next(&rest, &word)) {
		while (word.len && strchr("\"'", word.at[0]))
			word = (struct text){ word.at + 1, word.len - 1 };
		while (word.len && strchr("\"'", word.at[word.len - 1]))
			word.len--;
		if (text_hex(before, 4, 4, &vendor) && text_hex(word, 4, 4, &device)) {
			(void)snprintf(id, UDEV_ID_SIZE, "%04x:%04x", vendor, device);
			return text_of(id);
		}
		before = word;
	}
	return (struct text){ 0 };
}

static bool take_words(void *context, const struct conf_line *line)
{
	struct reading *reading = context;

	reading->overrides |=
		loaded_kinds(line->text).len || contains(line->text, "driver_override") ||
		contains(line->text, "vfio-pci/new_id") || contains(line->text, "vfio-pci/bind");
	reading->boot_vga |= contains(line->text, "boot_vga");
	reading->numvfs |= contains(line->text, "sriov_numvfs");
	return true;
}

static bool is_address_byte(char c)
{
	return c == ':' || c == '.' || hex_values[(unsigned char)c] >= 0;
}

/* True for DDDD:BB:… that is no address: somebody meant one. */
static bool is_broken_address(struct text word)
{
	uint32_t number;
	struct text domain;
	size_t len = word.len;

	return text_cut(&word, ':', &domain) && text_hex(domain, 4, 4, &number) && len >= 8 &&
	       memchr(word.at, ':', word.len);
}

static bool is_wildcard(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '$';
}

void import_loaded(struct imports *imports, enum import_source source, const struct conf_line *line)
{
	char id[UDEV_ID_SIZE];
	struct text kinds = loaded_kinds(line->text), given = new_id(line->text, id);

	if (!kinds.len)
		kinds = given;
	if (!kinds.len || !import_begin_line(imports, source, line))
		return;
	if (memchr(kinds.at, '$', kinds.len))
		import_unread(imports, kinds, "is a variable of the script");
	else
		import_ids(imports, kinds);
}

static bool take_loaded(void *context, const struct conf_line *line)
{
	import_loaded(context, IMPORT_SCRIPT, line);
	return true;
}

/* Adds what is an address, or was meant as one; anything else in a script is shell. */
static bool take_script_addresses(void *context, const struct conf_line *line)
{
	struct imports *imports = context;
	const char *at = line->text.at;
	struct address address;
	bool began = false;
	size_t start = 0;

	for (size_t i = 0; i <= line->text.len; i++) {
		struct text word = { at + start, i - start };

		if (i < line->text.len && is_address_byte(at[i]))
			continue;
		start = i + 1;
		if (word.len < sizeof("00:00.0") - 1 ||
		    (!address_parse(word, &address) &&
		     ((i < line->text.len && is_wildcard(at[i])) || !is_broken_address(word))))
			continue;
		if (!began)
			began = import_begin_line(imports, IMPORT_SCRIPT, line);
		import_address(imports, word, text_of("vfio-pci"));
	}
	return true;
}

void import_script(struct imports *imports, const char *path)
{
	struct machine *machine = imports->machine;
	struct reading reading = { 0 };
	char place[CONF_PLACE_SIZE];

	if (!join(place, sizeof(place), "/", path, "") || import_knows(imports, place) ||
	    conf_read(machine, path, take_words, &reading))
		return;
	if (reading.numvfs)
		(void)conf_read(machine, path, import_take_numvfs, imports);
	if (!reading.overrides)
		return;
	if (reading.boot_vga)
		import_recipe(imports, IMPORT_RECIPE, place, text_of("driver_override by boot_vga"),
			      "bind vga boot_vga=0");
	else
		(void)conf_read(machine, path, take_script_addresses, imports);
	(void)conf_read(machine, path, take_loaded, imports);
}

void import_install(struct imports *imports, struct text line)
{
	struct text rest = line, word, before = { 0 };
	char path[MACHINE_PATH_SIZE];
	bool program = false;

	while (word_next(&rest, &word)) {
		while (word.len && strchr("\"';&|", word.at[word.len - 1]))
			word.len--;
		while (word.len && strchr("\"'", word.at[0]))
			word = (struct text){ word.at + 1, word.len - 1 };
		program |= text_ends(before, "install") && takes_kinds(word);
		before = word;
		if (!program || word.len < 2 || word.at[0] != '/' || word.len > sizeof(path))
			continue;
		(void)snprintf(path, sizeof(path), "%.*s", (int)word.len - 1, word.at + 1);
		import_script(imports, path);
	}
}

static bool take_install(void *context, const struct conf_line *line)
{
	import_install(context, line->text);
	return true;
}

/* A program without a path is in udev's own folder: udev(7), RUN. */
static bool find_program(struct imports *imports, struct text command, char path[MACHINE_PATH_SIZE])
{
	static const char *const dirs[] = { "usr/lib/udev/", "lib/udev/" };
	struct text word;
	char name[MACHINE_PATH_SIZE];

	if (!word_next(&command, &word) || word.len >= sizeof(name))
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)word.len, word.at);
	if (name[0] == '/')
		return join(path, MACHINE_PATH_SIZE, name + 1, "", "");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (join(path, MACHINE_PATH_SIZE, dirs[i], name, "") &&
		    machine_has(imports->machine, path))
			return true;
	return false;
}

/* A script that names no device has it from the rule that runs it. */
static void take_run(struct imports *imports, const struct conf_line *line, const char *path)
{
	struct reading reading = { 0 };
	size_t before = imports->count;
	char place[CONF_PLACE_SIZE];

	(void)join(place, sizeof(place), "/", path, "");
	import_script(imports, path);
	if (imports->count != before || import_knows(imports, place) ||
	    conf_read(imports->machine, path, take_words, &reading) || !reading.overrides)
		return;
	import_udev(imports, line);
}

static bool take_udev(void *context, const struct conf_line *line)
{
	static const char run[] = "RUN";
	struct imports *imports = context;
	struct text rest = line->text, command;
	char path[MACHINE_PATH_SIZE];
	const char *at;

	while (rest.at && (at = memmem(rest.at, rest.len, run, sizeof(run) - 1))) {
		rest = (struct text){ at, (size_t)(rest.at + rest.len - at) };
		(void)text_cut(&rest, '"', &command);
		if (rest.at && text_cut(&rest, '"', &command) &&
		    find_program(imports, command, path) &&
		    !memmem(path, strlen(path), OURS, sizeof(OURS) - 1))
			take_run(imports, line, path);
	}
	return true;
}

/* The scripts in a directory, all of them or those whose name speaks of vfio or SR-IOV. */
static void find_in(struct imports *imports, const char *dir_path, bool all)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE];
	const char *name;
	int err;

	if (dir_open(imports->machine, dir_path, &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		if (name[0] != '.' && !strstr(name, OURS) &&
		    (all || strstr(name, "vfio") || strstr(name, "sriov")) &&
		    join(path, sizeof(path), dir_path, "/", name)) {
			import_script(imports, path);
			if (all)
				(void)conf_read(imports->machine, path, take_install, imports);
		}
	dir_close(&dir);
}

/* A module of dracut is a directory. */
static void find_dracut(struct imports *imports, const char *modules)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE];
	const char *name;
	int err;

	if (dir_open(imports->machine, modules, &dir))
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
		{ "etc/initramfs-tools/hooks", true },
		{ "etc/initramfs-tools/conf.d", true },
		{ "etc/initcpio/hooks", true },
		{ "etc/initcpio/install", true },
		{ "usr/lib/initcpio/hooks", false },
		{ "etc/systemd/system", false },
		{ "usr/local/bin", false },
		{ "usr/local/sbin", false },
		{ "usr/bin", false },
		{ "usr/sbin", false },
		{ "bin", false },
		{ "sbin", false },
	};
	struct machine *machine = imports->machine;
	char link[MACHINE_PATH_SIZE];

	/* Where directories are merged, all but one of their names are links. */
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (machine_readlink(machine, dirs[i].path, link, sizeof(link)) <= 0)
			find_in(imports, dirs[i].path, dirs[i].all);
	import_script(imports, "etc/rc.local");
	find_dracut(imports, "usr/lib/dracut/modules.d");
	find_dracut(imports, "etc/dracut/modules.d");
	(void)conf_read_udev(machine, take_udev, imports);
}
