/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine_file.h"

#include "base/printable.h"
#include "facts.h"
#include "modplan.h"
#include "pasted.h"
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A machine file being read. */
struct reader {
	struct host *host;
	struct inventory *inventory;
	const char *path;
	unsigned line;
	const char *source; /* the line, for columns */
	struct text text;   /* all of the file */
	uint64_t *parents;  /* of each device, as inventory_link() wants them */
	size_t protect_len;
	bool has_protect;
};

static bool reader_expected(const struct reader *reader, struct text at, const char *what)
{
	(void)complain(EXIT_USAGE, "%s:%u:%u: expected %s", reader->path, reader->line,
		       (unsigned)(at.at - reader->source) + 1, what);
	return false;
}

static bool is_dash(struct text text)
{
	return text_is(text, "-");
}

static bool parse_ids(struct text text, uint16_t *vendor, uint16_t *device)
{
	union value value;

	if (!value_parse(SELECT_ID, text, &value) || value.id.any_vendor || value.id.any_device)
		return false;
	*vendor = value.id.vendor;
	*device = value.id.device;
	return true;
}

static bool read_class(struct reader *reader, struct device *device, struct text text)
{
	uint32_t class;

	if (!text_hex(text, 6, 6, &class))
		return reader_expected(reader, text, "a class of six hex digits");
	device->class = (uint32_t) class;
	return true;
}

static bool read_id(struct reader *reader, struct device *device, struct text text)
{
	return parse_ids(text, &device->vendor, &device->device) ||
	       reader_expected(reader, text, "VVVV:DDDD");
}

static bool read_subsystem(struct reader *reader, struct device *device, struct text text)
{
	return is_dash(text) || parse_ids(text, &device->subvendor, &device->subdevice) ||
	       reader_expected(reader, text, "VVVV:DDDD or \"-\"");
}

static bool read_revision(struct reader *reader, struct device *device, struct text text)
{
	uint32_t revision;

	(void)device; /* no rule asks for it */
	if (is_dash(text))
		return true;
	if (!text_hex(text, 2, 2, &revision))
		return reader_expected(reader, text, "two hex digits or \"-\"");
	reader->host->revisions[reader->inventory->count] = (int16_t)revision;
	return true;
}

static bool read_driver(struct reader *reader, struct device *device, struct text text)
{
	if (!text.len || text.len >= DRIVER_SIZE)
		return reader_expected(reader, text, "a driver or \"-\"");
	if (is_dash(text))
		return true;
	memcpy(device->driver, text.at, text.len);
	device->passthrough = driver_is_passthrough(text);
	return true;
}

static bool read_group(struct reader *reader, struct device *device, struct text text)
{
	uint32_t group;

	device->group = GROUP_NONE;
	if (is_dash(text))
		return true;
	if (!text_number(text, INT32_MAX, &group))
		return reader_expected(reader, text, "the number of an IOMMU group or \"-\"");
	device->group = (int32_t)group;
	return true;
}

static bool read_parent(struct reader *reader, struct device *device, struct text text)
{
	size_t index = reader->inventory->count;
	struct address parent;

	reader->parents[index] = UINT64_MAX;
	device->root = device->address; /* of one on a root bus */
	if (is_dash(text))
		return true;
	if (!address_parse(text, &parent))
		return reader_expected(reader, text, "the address of a bridge or \"-\"");
	reader->parents[index] = address_key(parent);
	return true;
}

static bool read_dsn(struct reader *reader, struct device *device, struct text text)
{
	union value value;

	if (is_dash(text))
		return true;
	if (!value_parse(SELECT_DSN, text, &value))
		return reader_expected(reader, text, "eight bytes in hex or \"-\"");
	device->dsn = value.dsn;
	return true;
}

static bool reader_add_slot(struct reader *reader, struct text name, const struct slot *at)
{
	struct inventory *inventory = reader->inventory;
	struct slot *slot = &inventory->slots[inventory->slot_count];

	if (inventory_slot_named(inventory, name))
		return true; /* another function in it */
	if (name.len >= SLOT_NAME_SIZE || inventory->slot_count == SLOT_MAX)
		return reader_expected(reader, name,
				       "at most 1024 slots, names shorter than 64 bytes");
	*slot = *at;
	memset(slot->name, 0, sizeof(slot->name));
	memcpy(slot->name, name.at, name.len);
	inventory->slot_count++;
	return true;
}

static bool read_slot(struct reader *reader, struct device *device, struct text text)
{
	const struct slot at = { .address = device->address };

	if (!text.len)
		return reader_expected(reader, text, "the name of a slot or \"-\"");
	return is_dash(text) || reader_add_slot(reader, text, &at);
}

static bool read_boot_vga(struct reader *reader, struct device *device, struct text text)
{
	device->boot_vga = BOOT_VGA_NO_FILE;
	if (text_is(text, "0") || text_is(text, "1"))
		device->boot_vga = (int8_t)(text.at[0] - '0');
	else if (!is_dash(text) && !text_is(text, "?"))
		return reader_expected(reader, text, "0, 1, ? or \"-\"");
	return true;
}

/* The columns behind the address. */
static bool (*const columns[])(struct reader *reader, struct device *device, struct text text) = {
	read_class, read_id,     read_subsystem, read_revision, read_driver,
	read_group, read_parent, read_dsn,       read_slot,     read_boot_vga,
};

static bool read_row(struct reader *reader, struct text line)
{
	struct inventory *inventory = reader->inventory;
	struct device *device = &inventory->devices[inventory->count];
	struct text end = { line.at + line.len, 0 }, text;

	(void)text_cut(&line, '\t', &text);
	if (inventory->count == DEVICE_MAX)
		return reader_expected(reader, text, "at most 16384 functions");
	*device = (struct device){ .known = DEVICE_FACTS };
	if (!address_parse(text, &device->address))
		return reader_expected(reader, text, "an address");
	if (inventory->count && address_key(device->address) <= address_key(device[-1].address))
		return reader_expected(reader, text, "an address behind the one before it");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		if (!text_cut(&line, '\t', &text))
			return reader_expected(reader, end, "11 columns");
		if (!columns[i](reader, device, text))
			return false;
	}
	inventory->count++;
	return true;
}

/* Finds what a terminal would obey: the file may be somebody else's. */
static bool has_control(struct text line, struct text *at)
{
	for (*at = line; at->len; at->at++, at->len--)
		if (is_control(*at->at) && *at->at != '\t')
			return true;
	return false;
}

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

		if (device->root.domain != root.domain || device->root.bus != root.bus ||
		    root.domain == UINT32_MAX) /* whose bridge is gone */
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

static bool key_physfn(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, take_word(&value));
	bool gone = text_is(value, "-");
	struct device *physfn = device && !gone ? find_device(reader, take_word(&value)) : NULL;
	uint32_t number = VF_NONE;

	if (!physfn && !(device && gone))
		return false;
	if (!text_is(value, "-") && !text_number(value, VF_NONE - 1, &number))
		return reader_expected(reader, value, "the index of a virtual function");
	device->is_virtual = true;
	device->physfn = gone ? NO_DEVICE : (uint16_t)(physfn - reader->inventory->devices);
	device->vf = (uint16_t)number;
	if (!gone)
		physfn->has_vfs = true;
	return true;
}

static bool key_sriov(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, take_word(&value));
	struct text total = take_word(&value);
	uint32_t number, id;

	if (!device)
		return false;
	if (!text_number(total, UINT16_MAX, &number))
		return reader_expected(reader, total, "a number of virtual functions");
	if (!text_hex(value, 4, 4, &id))
		return reader_expected(reader, value, "the device id of its virtual functions");
	device->total_vfs = (uint16_t)number;
	device->vf_device = (uint16_t)id;
	return true;
}

static bool key_unreadable(struct reader *reader, struct text value)
{
	struct device *device = find_device(reader, value);

	if (device)
		device->unreadable = FACT_HEADER | FACT_DSN; /* its config space */
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

static bool key_variant(struct reader *reader, struct text value)
{
	struct judgement *judged = &reader->host->judged;
	char *line = judged->modplan + judged->steps.len;
	size_t room = sizeof(judged->modplan) - judged->steps.len;
	struct text step = { line, 0 };
	struct module_step found;

	step.len = (size_t)snprintf(line, room, "variant %.*s\n", (int)value.len, value.at);
	if (step.len >= room || modplan_next(&step, &found) != 1)
		return reader_expected(reader, value, "DRIVER ALIAS, in less than 16 KiB of them");
	judged->steps = (struct text){ judged->modplan, (size_t)(step.at - judged->modplan) };
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
	{ "#physfn", key_physfn },
	{ "#sriov", key_sriov },
	{ "#unreadable", key_unreadable },
	{ "#builtin", key_builtin },
	{ "#variant", key_variant },
	{ "#slot", key_slot },
	{ "#protect", key_protect },
};

static bool reader_take_key(struct reader *reader, struct text line)
{
	struct text name = take_word(&line);

	if (text_is(name, "#")) /* a comment */
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (text_is(name, keys[i].name))
			return keys[i].read(reader, line);
	return reader_expected(reader, name, "\"# \" before a comment, or a key such as #kernel");
}

static bool read_lines(struct reader *reader, bool rows)
{
	struct text text = reader->text, line;
	struct text at;
	bool ok = true;

	reader->line = 0;
	while (ok && text_cut(&text, '\n', &line)) {
		reader->line++;
		reader->source = line.at;
		if (!line.len || (line.at[0] == '#') == rows)
			continue;
		if (has_control(line, &at))
			return reader_expected(reader, at, "text without control characters");
		ok = rows ? read_row(reader, line) : reader_take_key(reader, line);
	}
	return ok;
}

/* Says which of the protect lines it is that makes no sense; returns false. */
static bool blame_protect(struct reader *reader, unsigned number)
{
	static const char key[] = "#protect";
	struct text text = reader->text, line = text, name = { text.at, 0 };

	reader->line = 0;
	while (number && text_cut(&text, '\n', &line)) {
		reader->line++;
		reader->source = line.at;
		(void)text_cut(&line, ' ', &name);
		number -= text_is(name, key);
	}
	name.at += name.len + (line.at != NULL);
	return reader_expected(reader, name, "a line of the protect file");
}

/*
 * Where the file does not say it: what is in a domain past 16 bits is below the one VMD controller
 * there is, linux/drivers/pci/controller/vmd.c:vmd_find_free_domain.
 */
static void find_vmd(struct inventory *inventory)
{
	const struct device *vmd = NULL;

	for (size_t i = 0; i < inventory->count; i++) {
		if (!text_is(text_of(inventory->devices[i].driver), "vmd"))
			continue;
		if (vmd)
			return;
		vmd = &inventory->devices[i];
	}
	for (size_t i = 0; vmd && i < inventory->count; i++) {
		struct device *device = &inventory->devices[i];

		if (device->address.domain <= 0xffff || device->below_function || device == vmd)
			continue;
		device->below_function = true;
		device->below = vmd->address;
	}
}

static bool read_all(struct reader *reader)
{
	struct judgement *judged = &reader->host->judged;
	unsigned wrong;

	if (!read_lines(reader, true))
		return false;
	inventory_link(reader->inventory, reader->parents);
	reader->protect_len = strlen(strcpy(reader->host->protect_text, PROTECT_HEADER "\n"));
	if (!read_lines(reader, false))
		return false;
	find_vmd(reader->inventory);
	reader->inventory->known = MACHINE_FACTS;
	judged->protect.unknown = true;
	wrong = reader->has_protect ?
			protect_parse(&judged->protect, text_of(reader->host->protect_text)) :
			0;
	return !wrong || blame_protect(reader, wrong - 1); /* the first is its header */
}

/* Returns all of the file, to be freed, or NULL after a complaint. */
static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *buffer = NULL;
	size_t size = 0;

	*len = 0;

	while (file && !ferror(file) && !feof(file)) {
		char *more = realloc(buffer, size += 65536);

		if (!more)
			break;
		buffer = more;
		*len += fread(buffer + *len, 1, size - *len, file);
	}
	if (!file || !feof(file)) {
		(void)complain(EXIT_FAILED, "%s: %s", path, strerror(errno));
		free(buffer);
		buffer = NULL;
	}
	if (file)
		(void)fclose(file);
	return buffer;
}

int machinefile_parse(struct host *host, const char *path, struct text text)
{
	struct reader reader = {
		.host = host,
		.inventory = &host->judged.inventory,
		.path = path,
		.text = text,
		.parents = calloc(DEVICE_MAX, sizeof(*reader.parents)),
	};
	bool ok;

	if (!reader.parents)
		return complain(EXIT_FAILED, "no memory");
	ok = read_all(&reader);
	free(reader.parents);
	return ok ? EXIT_AS_CONFIGURED : EXIT_USAGE;
}

int machinefile_read(struct host *host, const char *path)
{
	struct text text;
	char *buffer = read_file(path, &text.len);
	int code;

	if (!buffer)
		return EXIT_FAILED;
	text.at = buffer;
	if (pasted_is(text)) {
		char *rows = pasted_rows(path, text, &text.len, &code);

		free(buffer);
		if (!rows)
			return code;
		text.at = buffer = rows;
	}
	code = machinefile_parse(host, path, text);
	free(buffer);
	return code;
}
