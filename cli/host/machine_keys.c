/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "facts.h"
#include "machine_reader.h"

#include <string.h>

/* Takes what stands before the first blank; what is behind it is empty where there is none. */
static struct text take_word(struct text *value)
{
	struct text word = *value;

	(void)text_cut(value, ' ', &word);
	if (!value->at)
		*value = (struct text){ word.at + word.len, 0 };
	return word;
}

/* The rows come behind the keys in a file, but are read before them. */
static struct device *find_device(struct reader *reader, struct text text)
{
	struct address address;
	size_t index = NO_DEVICE;

	if (address_parse(text, &address))
		index = inventory_find(reader->inventory, address);
	if (index != NO_DEVICE)
		return &reader->inventory->devices[index];
	(void)reader_expected(reader, text, "the address of a device below");
	return NULL;
}

static bool key_kernel(struct reader *reader, struct text value)
{
	if (value.len >= sizeof(reader->host->kernel))
		return reader_expected(reader, value, "a release of at most 64 bytes");
	memcpy(reader->host->kernel, value.at, value.len);
	reader->host->kernel[value.len] = '\0';
	return true;
}

static bool key_cmdline(struct reader *reader, struct text value)
{
	if (value.len >= CMDLINE_SIZE)
		return reader_expected(reader, value, "at most 16383 bytes");
	memcpy(reader->host->judged.cmdline, value.at, value.len);
	reader->host->judged.cmdline[value.len] = '\0';
	return true;
}

static bool key_framebuffer(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, value);

	if (device)
		device->framebuffer = true;
	return device;
}

static bool key_boot_display(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, value);

	if (device)
		device->boot_display = true;
	return device;
}

static bool key_below(struct reader *reader, struct text value)
{
	struct inventory *inventory = reader->inventory;
	const struct device *function;
	struct address root = { 0 };
	struct text bus = take_word(&value);

	if (!address_parse_bus(bus, &root.domain, &root.bus))
		return reader_expected(reader, bus, "DDDD:BB, a root bus");
	function = find_device(reader, value);
	if (!function)
		return false;
	for (size_t i = 0; i < inventory->count; i++) {
		struct device *device = &inventory->devices[i];

		if (device->root.domain != root.domain || device->root.bus != root.bus)
			continue;
		device->below_function = true;
		device->below = function->address;
	}
	return true;
}

static bool key_header_type(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, take_word(&value));
	uint32_t type;

	if (!device)
		return false;
	if (!text_number(value, 127, &type))
		return reader_expected(reader, value, "a number");
	device->header_type = (uint8_t)type;
	return true;
}

static bool key_disk_in_use(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, take_word(&value));

	if (device)
		device->disk_in_use = true;
	return device;
}

static bool key_builtin(struct reader *reader, struct text value)
{
	struct host *host = reader->host;

	if (!value.len || value.len >= DRIVER_SIZE || host->builtin_count == BUILTIN_MAX)
		return reader_expected(reader, value, "at most 64 drivers");
	memcpy(host->builtin[host->builtin_count++], value.at, value.len);
	return true;
}

static bool key_slot(struct reader *reader, struct text value)
{
	struct slot slot = { 0 };
	struct text name;

	/* A name may hold blanks; the address behind it does not. */
	name = value;
	while (name.len && name.at[name.len - 1] != ' ')
		name.len--;
	value.at += name.len;
	value.len -= name.len;
	if (!name.len || !slot_parse_address(value, &slot))
		return reader_expected(reader, value, "NAME DDDD:BB:DD or NAME DDDD:BB");
	name.len--;
	if (!name.len || text_is(name, "-") || memchr(name.at, '\t', name.len))
		return reader_expected(reader, name, "a name that a column can hold");
	return reader_add_slot(reader, name, &slot);
}

static bool key_protect(struct reader *reader, struct text value)
{
	struct host *host = reader->host;

	reader->has_protect = true;
	if (value.len + 2 > sizeof(host->protect_text) - reader->protect_len)
		return reader_expected(reader, value, "less than 64 KiB of protect lines");
	memcpy(host->protect_text + reader->protect_len, value.at, value.len);
	reader->protect_len += value.len;
	host->protect_text[reader->protect_len++] = '\n';
	return true;
}

static const struct key {
	const char *name;
	bool (*read)(struct reader *reader, struct text value);
} keys[] = {
	{ "#kernel", key_kernel },
	{ "#cmdline", key_cmdline },
	{ "#framebuffer", key_framebuffer },
	{ "#boot-display", key_boot_display },
	{ "#below", key_below },
	{ "#header-type", key_header_type },
	{ "#disk-in-use", key_disk_in_use },
	{ "#builtin", key_builtin },
	{ "#slot", key_slot },
	{ "#protect", key_protect },
};

bool reader_take_key(struct reader *reader, struct text line)
{
	struct text name = take_word(&line);

	if (text_is(name, "#")) /* a comment */
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (text_is(name, keys[i].name))
			return keys[i].read(reader, line);
	return reader_expected(reader, name, "\"# \" before a comment, or a key such as #kernel");
}
