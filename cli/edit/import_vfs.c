/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of guides that make virtual functions: sriov_numvfs of sysfs, max_vfs= of old drivers. */
#include "imports.h"

#include "base/udev_rule.h"
#include "base/words.h"
#include "host/identity.h"

#include <stdio.h>
#include <string.h>

#define NUMVFS     "sriov_numvfs"
#define PLACE_SIZE 128

/* Takes the number that the text begins with, behind blanks, quotes, "}", "=" and "-". */
static bool leading_number(struct text text, uint32_t *number)
{
	size_t start = 0, end;

	if (!text.len)
		return false;
	while (start < text.len && strchr("}= \t\"'-", text.at[start]))
		start++;
	for (end = start; end < text.len && text.at[end] >= '0' && text.at[end] <= '9'; end++)
		;
	return text_number((struct text){ text.at + start, end - start }, UINT16_MAX, number);
}

/* The text behind the last time that what occurs in it, or nothing. */
static struct text behind_last(struct text text, const char *what)
{
	struct text found = { 0 };
	const char *at;

	while (text.len && (at = memmem(text.at, text.len, what, strlen(what)))) {
		size_t left = (size_t)(text.at + text.len - at) - strlen(what);

		found = text = (struct text){ at + strlen(what), left };
	}
	return found;
}

/* "echo 4 >FILE", or the number behind the file: udev(7), sysfs.conf(5), tmpfiles.d(5). */
static bool find_count(struct text before, struct text after, uint32_t *count)
{
	struct text echo = behind_last(before, "echo "), option;

	if (echo.len && echo.at[0] == '-')
		(void)text_cut(&echo, ' ', &option);
	return leading_number(after, count) || (echo.len && leading_number(echo, count));
}

/* The path that ends where the text does, without the slash at its end. */
static struct text path_at_end(struct text text)
{
	size_t end = text.len, start;

	if (end && text.at[end - 1] == '/')
		end--;
	for (start = end; start && !strchr(" \t\"'>{=", text.at[start - 1]); start--)
		;
	return (struct text){ text.at + start, end - start };
}

static struct text last_part(struct text path)
{
	size_t start = path.len;

	while (start && path.at[start - 1] != '/')
		start--;
	return (struct text){ path.at + start, path.len - start };
}

/* The function behind /sys/class/CLASS/NAME, where the machine has it now. */
static size_t behind_class(struct imports *imports, struct text class, struct text name)
{
	char path[PLACE_SIZE], link[MACHINE_PATH_SIZE];
	struct address address;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "sys/class/%.*s/%.*s/device", (int)class.len, class.at,
		       (int)name.len, name.at);
	len = imports->host->from_file ?
		      -1 :
		      machine_readlink(&imports->host->judged.machine, path, link, sizeof(link));
	if (len < 0 || !address_parse(last_part((struct text){ link, (size_t)len }), &address))
		return NO_DEVICE;
	return inventory_find(&imports->host->judged.inventory, address);
}

/* ".../0000:01:00.0" or ".../class/net/eth0/device". */
static size_t find_by_path(struct imports *imports, struct text path)
{
	struct text last = last_part(path), parts[2];
	struct address address;

	if (address_parse(last, &address))
		return inventory_find(&imports->host->judged.inventory, address);
	if (!text_is(last, "device"))
		return NO_DEVICE;
	for (size_t i = 0; i < 2; i++) {
		if (path.len <= last.len)
			return NO_DEVICE;
		path.len -= last.len + 1;
		last = parts[i] = last_part(path);
	}
	return behind_class(imports, parts[1], parts[0]);
}

static void add(struct imports *imports, enum import_source source, const struct conf_line *line,
		size_t index, uint32_t count)
{
	const struct device *device = &imports->host->judged.inventory.devices[index];
	char place[CONF_PLACE_SIZE], path[IDENTITY_SIZE], name[ADDRESS_SIZE];
	char rule[IMPORT_RULE_SIZE];

	conf_place(line, place);
	(void)address_format(device->address, name);
	if (!device->total_vfs) {
		if (import_begin_line(imports, source, line))
			import_unread(imports, text_of(name), "can have no virtual functions");
		return;
	}
	(void)path_format(&imports->host->judged.inventory, index, path);
	(void)snprintf(rule, sizeof(rule), "bind pf=%.200s vfs=%u",
		       strlen(path) > 200 ? name : path, count);
	import_recipe(imports, source, place, line->text, rule);
}

/* Every function that can have some and that the name says the driver of. */
static bool add_by_driver(struct imports *imports, enum import_source source,
			  const struct conf_line *line, struct text driver, uint32_t count)
{
	const struct host *host = imports->host;
	bool any = false;

	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		if (!host->drivers[i][0] || !host->judged.inventory.devices[i].total_vfs ||
		    !conf_is_module(driver, host->drivers[i]))
			continue;
		add(imports, source, line, i, count);
		any = true;
	}
	return any;
}

/* What stands between the quotes behind one of the words of a rule of udev(7). */
static struct text quoted(struct text text, const char *word)
{
	struct text value = behind_last(text, word), found = { 0 };

	if (value.len)
		(void)text_cut(&value, '"', &found);
	return found;
}

/* A rule that names no path is about the device that it matches. */
static bool add_by_match(struct imports *imports, const struct conf_line *line, uint32_t count)
{
	static const char *const drivers[] = { "ID_NET_DRIVER}==\"", "DRIVERS==\"", "DRIVER==\"" };
	static const char *const names[] = { "INTERFACE}==\"", "NAME==\"", "KERNEL==\"" };
	const struct inventory *inventory = &imports->host->judged.inventory;
	char id[UDEV_ID_SIZE];
	struct address address;
	size_t index = NO_DEVICE;
	bool any = false;

	if (address_parse(udev_rule_device(line->text, id), &address))
		index = inventory_find(inventory, address);
	for (size_t i = 0; index == NO_DEVICE && i < ARRAY_SIZE(names); i++)
		index = behind_class(imports, text_of("net"), quoted(line->text, names[i]));
	if (index != NO_DEVICE) {
		add(imports, IMPORT_UDEV, line, index, count);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !any; i++)
		any = add_by_driver(imports, IMPORT_UDEV, line, quoted(line->text, drivers[i]),
				    count);
	if (any)
		return true;
	for (size_t i = 0; i < inventory->count; i++)
		if (udev_rule_matches(line->text, &inventory->devices[i])) {
			add(imports, IMPORT_UDEV, line, i, count);
			any = true;
		}
	return any;
}

bool import_take_numvfs(void *context, const struct conf_line *line)
{
	struct imports *imports = context;
	const char *at = memmem(line->text.at, line->text.len, NUMVFS, sizeof(NUMVFS) - 1);
	bool udev = memmem(line->text.at, line->text.len, "==\"", 3);
	enum import_source source = udev ? IMPORT_UDEV : IMPORT_SCRIPT;
	struct text before, after, path;
	char place[CONF_PLACE_SIZE];
	uint32_t count;
	size_t index;

	conf_place(line, place);
	if (!at || import_knows(imports, place))
		return true;
	before = (struct text){ line->text.at, (size_t)(at - line->text.at) };
	after = (struct text){ at + sizeof(NUMVFS) - 1,
			       line->text.len - before.len - (sizeof(NUMVFS) - 1) };
	path = path_at_end(before);
	if (find_count(before, after, &count)) {
		index = find_by_path(imports, path);
		if (!count) /* those that are there go first, and others are made */
			return true;
		if (index != NO_DEVICE)
			add(imports, source, line, index, count);
		else if ((!udev || !add_by_match(imports, line, count)) &&
			 import_begin_line(imports, source, line))
			import_unread(imports, path.len ? path : text_of(NUMVFS),
				      "names no device that is here");
	} else if (memchr(before.at, '>', before.len) && import_begin_line(imports, source, line)) {
		import_unread(imports, path, "does not say how many virtual functions");
	}
	return true;
}

/* Of i915 and xe it is a limit, and they make none. */
void import_max_vfs(struct imports *imports, const struct conf_line *line, struct text module,
		    struct text options)
{
	struct text value = behind_last(options, "max_vfs=");
	uint32_t count;

	if (text_is(module, "i915") || text_is(module, "xe") || !leading_number(value, &count) ||
	    !count || add_by_driver(imports, IMPORT_MODPROBE, line, module, count))
		return;
	if (import_begin_line(imports, IMPORT_MODPROBE, line))
		import_unread(imports, module, "drives nothing here that can have virtual ones");
}

void import_vfs(struct imports *imports)
{
	static const struct {
		const char *dir, *suffix;
	} dirs[] = {
		{ "etc/sysfs.d", ".conf" },
		{ "etc/tmpfiles.d", ".conf" },
		{ "etc/systemd/system", ".service" },
	};

	(void)conf_read(imports->machine, "etc/sysfs.conf", import_take_numvfs, imports);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		(void)conf_read_dirs(imports->machine, &dirs[i].dir, 1, dirs[i].suffix,
				     import_take_numvfs, imports);
	(void)conf_read_udev(imports->machine, import_take_numvfs, imports);
}
