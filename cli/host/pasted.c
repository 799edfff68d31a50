/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pasted.h"

#include "base/complain.h"
#include "base/printable.h"
#include "base/words.h"
#include "device.h"
#include "host.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX (2 * DEVICE_MAX) /* a device may be listed twice, with its group and without */

/* One function as the text tells it. A text of length 0 was not there; all are borrowed. */
struct row {
	struct address address, parent;
	uint32_t class;
	struct text id, subsystem, revision, driver, dsn, slot;
	int32_t group;     /* GROUP_NONE */
	int16_t secondary; /* the bus below a bridge, or -1 */
	enum { PARENT_UNKNOWN, PARENT_NONE, PARENT_KNOWN } parent_state;
	bool has_interface; /* class has all six digits */
	bool below_function;
	bool framebuffer;
};

struct paste {
	struct row *rows;
	size_t count;
	struct row *current; /* the one that the lines behind it tell of, or NULL */
	int32_t group;       /* of the heading above */
	unsigned bare_line;  /* the first line of a function without its ids, or 0 */
	bool udev, tells_buses, full;
};

static void trim(struct text *text)
{
	while (text->len && strchr(" \t>|`", *text->at)) {
		text->at++;
		text->len--;
	}
	while (text->len && strchr(" \t\r", text->at[text->len - 1]))
		text->len--;
}

/* Takes start off the front of text, if it is there. */
static bool take(struct text *text, const char *start)
{
	size_t len = strlen(start);

	if (text->len < len || strncmp(text->at, start, len) != 0)
		return false;
	text->at += len;
	text->len -= len;
	return true;
}

/* What stands behind start, wherever in the text that is; its length is 0 where it is not. */
static struct text behind(struct text text, const char *start)
{
	const char *found = text.len ? memmem(text.at, text.len, start, strlen(start)) : NULL;

	if (!found)
		return (struct text){ text.at, 0 };
	found += strlen(start);
	return (struct text){ found, (size_t)(text.at + text.len - found) };
}

static bool is_id(struct text text)
{
	return text.len >= 9 && hex4(text.at) >= 0 && text.at[4] == ':' && hex4(text.at + 5) >= 0;
}

/* The last VVVV:DDDD in brackets: the names before it may hold brackets of their own. */
static struct text last_id(struct text text)
{
	struct text found = { text.at, 0 }, rest = text;

	while ((rest = behind(rest, "[")).len)
		if (is_id(rest) && rest.len > 9 && rest.at[9] == ']')
			found = (struct text){ rest.at, 9 };
	return found;
}

/* " [CCCC]: ", which ends the name of the class. */
static bool find_class(struct text text, uint32_t *class, struct text *rest)
{
	int number;

	for (*rest = text; (*rest = behind(*rest, "[")).len;) {
		number = rest->len > 6 ? hex4(rest->at) : -1;
		if (number < 0 || rest->at[4] != ']' || rest->at[5] != ':')
			continue;
		*class = (uint32_t)number << 8;
		return true;
	}
	return false;
}

static struct row *add_row(struct paste *paste, struct address address)
{
	if (paste->count == ROW_MAX) {
		paste->full = true;
		return NULL;
	}
	paste->current = &paste->rows[paste->count++];
	*paste->current = (struct row){
		.address = address,
		.group = paste->group,
		.secondary = -1,
	};
	return paste->current;
}

/* "01:00.0 VGA compatible controller [0300]: NVIDIA ... [10de:1b81] (rev a1)" */
static bool take_function(struct paste *paste, struct text line, unsigned number)
{
	struct text word, id, interface;
	struct address address;
	struct text rest;
	uint32_t class;
	struct row *row;

	if (!word_next(&line, &word) || !address_parse(word, &address) || !line.len)
		return false;
	paste->current = NULL;
	if (!find_class(line, &class, &rest) || !(id = last_id(rest)).len) {
		if (!paste->bare_line)
			paste->bare_line = number;
		return true;
	}
	row = add_row(paste, address);
	if (!row)
		return true;
	row->class = class;
	row->id = id;
	row->revision = behind(rest, "(rev ");
	interface = behind(rest, "(prog-if ");
	if (interface.len > 2 && hex2(interface.at) >= 0) {
		row->class |= (uint32_t)hex2(interface.at);
		row->has_interface = true;
	}
	return true;
}

/* "IOMMU Group 7 01:00.0 ...", or "IOMMU Group 7:" above its functions. */
static bool take_heading(struct paste *paste, struct text *line)
{
	struct text rest = *line, digits;
	uint32_t group;

	if (!take(&rest, "IOMMU Group ") && !take(&rest, "IOMMU group "))
		return false;
	digits = (struct text){ rest.at, 0 };
	while (digits.len < rest.len && rest.at[digits.len] >= '0' && rest.at[digits.len] <= '9')
		digits.len++;
	if (!text_number(digits, INT32_MAX, &group))
		return false;
	paste->group = (int32_t)group;
	paste->current = NULL;
	rest.at += digits.len;
	rest.len -= digits.len;
	(void)take_byte(&rest, ':');
	trim(&rest);
	*line = rest;
	return true;
}

/* "Bus: primary=00, secondary=01, subordinate=01, sec-latency=0" */
static void take_buses(struct paste *paste, struct text line)
{
	struct text bus = behind(line, "secondary=");

	paste->tells_buses = true;
	if (bus.len >= 2)
		paste->current->secondary = (int16_t)hex2(bus.at);
}

/* A line that lspci indents, below the function it tells of. */
static void take_detail(struct paste *paste, struct text line)
{
	struct row *row = paste->current;
	uint32_t group;

	if (!row)
		return;
	if (take(&line, "Subsystem: "))
		row->subsystem = last_id(line);
	else if (take(&line, "Kernel driver in use: "))
		row->driver = line;
	else if (take(&line, "Physical Slot: "))
		row->slot = line;
	else if (take(&line, "IOMMU group: ") && text_number(line, INT32_MAX, &group))
		row->group = (int32_t)group;
	else if (take(&line, "Bus: primary="))
		take_buses(paste, line);
	else if (take(&line, "Capabilities: ") && behind(line, "Device Serial Number ").len)
		row->dsn = behind(line, "Device Serial Number ");
}

/* The last name of a path, and the path above it. */
static struct text take_name(struct text *path)
{
	struct text name = { path->at + path->len, 0 };

	while (path->len && name.at[-1] != '/') {
		name.at--;
		name.len++;
		path->len--;
	}
	path->len -= path->len != 0;
	return name;
}

/* The bridge above a function, by its path: "pciDDDD:BB" is a root bus. */
static void take_parent(struct row *row, struct text path)
{
	struct text above = take_name(&path);

	row->parent_state = PARENT_NONE;
	if (address_parse(above, &row->parent)) {
		row->parent_state = PARENT_KNOWN;
		return;
	}
	above = take_name(&path); /* what a root bus hangs below: a VMD controller */
	row->below_function = address_parse(above, &row->parent);
}

/* "/devices/pci0000:00/0000:00:01.0/0000:01:00.0", or what is below a function. */
static void take_path(struct paste *paste, struct text path)
{
	struct text name = take_name(&path);
	struct address address;

	paste->current = NULL;
	if (address_parse(name, &address)) {
		struct row *row = add_row(paste, address);

		if (row)
			take_parent(row, path);
		return;
	}
	if (!take(&name, "simple-framebuffer.") && !take(&name, "efi-framebuffer.") &&
	    !take(&name, "vesa-framebuffer."))
		return;
	name = take_name(&path);
	if (!address_parse(name, &address))
		return;
	for (size_t i = 0; i < paste->count; i++)
		if (address_equal(paste->rows[i].address, address))
			paste->rows[i].framebuffer = true;
}

static void take_property(struct row *row, struct text line)
{
	if (take(&line, "PCI_CLASS="))
		row->has_interface = text_hex(line, 1, 6, &row->class);
	else if (take(&line, "PCI_ID="))
		row->id = line;
	else if (take(&line, "PCI_SUBSYS_ID="))
		row->subsystem = line;
	else if (take(&line, "DRIVER="))
		row->driver = line;
}

static void take_line(struct paste *paste, struct text line, unsigned number)
{
	trim(&line);
	if (take(&line, "P: /devices/")) {
		paste->udev = true;
		take_path(paste, line);
	} else if (paste->udev && take(&line, "E: ")) {
		if (paste->current)
			take_property(paste->current, line);
	} else if (!paste->udev) {
		bool heading = take_heading(paste, &line);

		if (!take_function(paste, line, number) && !heading)
			take_detail(paste, line);
	}
}

static void take_text(struct paste *paste, struct text text)
{
	struct text line;

	paste->group = GROUP_NONE;
	for (unsigned number = 1; text_cut(&text, '\n', &line); number++)
		take_line(paste, line, number);
}

static int compare_address(const void *a, const void *b)
{
	uint64_t first = address_key(((const struct row *)a)->address);
	uint64_t second = address_key(((const struct row *)b)->address);

	return (first > second) - (first < second);
}

static void fill(struct text *to, struct text from)
{
	if (!to->len)
		*to = from;
}

/* What one listing of a function does not tell, another may. */
static void merge(struct row *row, const struct row *other)
{
	fill(&row->id, other->id);
	fill(&row->subsystem, other->subsystem);
	fill(&row->revision, other->revision);
	fill(&row->driver, other->driver);
	fill(&row->dsn, other->dsn);
	fill(&row->slot, other->slot);
	if (row->group == GROUP_NONE)
		row->group = other->group;
	if (row->secondary < 0)
		row->secondary = other->secondary;
	if (!row->has_interface && other->has_interface) {
		row->class = other->class;
		row->has_interface = true;
	}
}

/* Sorts the rows, one for each function, and drops what has no ids. */
static void sort_rows(struct paste *paste)
{
	size_t kept = 0;

	qsort(paste->rows, paste->count, sizeof(*paste->rows), compare_address);
	for (size_t i = 0; i < paste->count; i++) {
		struct row *row = &paste->rows[i];

		if (!is_id(row->id))
			continue;
		if (kept && address_equal(paste->rows[kept - 1].address, row->address))
			merge(&paste->rows[kept - 1], row);
		else
			paste->rows[kept++] = *row;
	}
	paste->count = kept;
}

/*
 * lspci without -v prints no programming interface. A driver that takes one interface only tells
 * it: linux/pci_ids.h.
 */
static void guess_interface(struct row *row)
{
	static const struct {
		const char *driver;
		uint32_t class;
	} interfaces[] = {
		{ "nvme", 0x010802 },      { "ahci", 0x010601 },     { "xhci_hcd", 0x0c0330 },
		{ "ehci-pci", 0x0c0320 },  { "uhci_hcd", 0x0c0300 }, { "ohci-pci", 0x0c0310 },
		{ "sdhci-pci", 0x080501 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++) {
		if (row->has_interface || !text_is(row->driver, interfaces[i].driver) ||
		    row->class >> 8 != interfaces[i].class >> 8)
			continue;
		row->class = interfaces[i].class;
		row->has_interface = true;
	}
}

/* True for a bus on which a host bridge stands: no other bus has one. */
static bool is_root_bus(const struct paste *paste, struct address at)
{
	if (!at.domain && !at.bus)
		return true;
	for (size_t i = 0; i < paste->count; i++) {
		const struct row *row = &paste->rows[i];

		if (row->class >> 8 == 0x0600 && row->address.domain == at.domain &&
		    row->address.bus == at.bus)
			return true;
	}
	return false;
}

/* The bridge above by the bus numbers that -v prints. */
static void find_parent(const struct paste *paste, struct row *row)
{
	for (size_t i = 0; i < paste->count; i++) {
		const struct row *bridge = &paste->rows[i];

		if (bridge->secondary <= 0 || bridge->secondary != row->address.bus ||
		    bridge->address.domain != row->address.domain || bridge == row)
			continue;
		row->parent = bridge->address;
		row->parent_state = PARENT_KNOWN;
		return;
	}
	if (is_root_bus(paste, row->address))
		row->parent_state = PARENT_NONE;
}

/* A machine file names functions that it has: one above that was cut off is not known. */
static void drop_missing(struct paste *paste)
{
	for (size_t i = 0; i < paste->count; i++) {
		struct row *row = &paste->rows[i];
		const struct row above = { .address = row->parent };

		if (row->below_function && !bsearch(&above, paste->rows, paste->count,
						    sizeof(*paste->rows), compare_address)) {
			row->below_function = false;
			row->parent_state = PARENT_UNKNOWN;
		}
	}
}

/* The root buses of a domain past 16 bits hang below the one VMD controller there is. */
static void find_vmd(struct paste *paste)
{
	const struct row *vmd = NULL;

	for (size_t i = 0; i < paste->count; i++) {
		if (!text_is(paste->rows[i].driver, "vmd"))
			continue;
		if (vmd)
			return;
		vmd = &paste->rows[i];
	}
	for (size_t i = 0; vmd && i < paste->count; i++) {
		struct row *row = &paste->rows[i];

		if (row->address.domain <= 0xffff || row->parent_state == PARENT_KNOWN)
			continue;
		row->parent_state = PARENT_NONE;
		row->below_function = true;
		row->parent = vmd->address;
	}
}

static void complete(struct paste *paste)
{
	sort_rows(paste);
	for (size_t i = 0; i < paste->count; i++)
		guess_interface(&paste->rows[i]);
	if (paste->udev) {
		drop_missing(paste);
		return;
	}
	for (size_t i = 0; i < paste->count; i++)
		find_parent(paste, &paste->rows[i]);
	find_vmd(paste);
}

/* Writes text as a column: what a machine file does not take becomes "-". */
static void write_column(struct text text, size_t max, FILE *out)
{
	bool good = text.len && text.len < max;

	for (size_t i = 0; good && i < text.len; i++)
		good = !is_control(text.at[i]);
	(void)fprintf(out, "%.*s\t", good ? (int)text.len : 1, good ? text.at : "-");
}

static void write_row(const struct row *row, FILE *out)
{
	char address[ADDRESS_SIZE], parent[ADDRESS_SIZE] = "-", group[12] = "-";
	struct text dsn = { row->dsn.at, row->dsn.len < DSN_SIZE - 1 ? 0 : DSN_SIZE - 1 };
	bool has_subsystem = is_id(row->subsystem) && hex4(row->subsystem.at) > 0;
	bool has_revision = row->revision.len >= 2 && hex2(row->revision.at) >= 0;
	union value value;

	(void)address_format(row->address, address);
	if (row->parent_state == PARENT_KNOWN)
		(void)address_format(row->parent, parent);
	else if (row->parent_state == PARENT_UNKNOWN)
		strcpy(parent, BRIDGE_GONE);
	if (row->group != GROUP_NONE)
		(void)snprintf(group, sizeof(group), "%d", row->group);
	if (!value_parse(SELECT_DSN, dsn, &value))
		dsn.len = 0;
	(void)fprintf(out, "%s\t%06x\t%.9s\t%.*s\t%.*s\t", address, row->class, row->id.at,
		      has_subsystem ? 9 : 1, has_subsystem ? row->subsystem.at : "-",
		      has_revision ? 2 : 1, has_revision ? row->revision.at : "-");
	write_column(row->driver, DRIVER_SIZE, out);
	(void)fprintf(out, "%s\t%s\t", group, parent);
	write_column(dsn, DSN_SIZE, out);
	write_column(row->slot, SLOT_NAME_SIZE, out);
	(void)fputs(row->class >> 8 == CLASS_DISPLAY_VGA ? "?\n" : "-\n", out);
}

/* The keys stand before the rows. */
static void write_keys(const struct paste *paste, FILE *out)
{
	uint64_t last = UINT64_MAX;
	char address[ADDRESS_SIZE];

	for (size_t i = 0; i < paste->count; i++) {
		const struct row *row = &paste->rows[i];

		if (row->framebuffer) {
			(void)address_format(row->address, address);
			(void)fprintf(out, "#framebuffer %s\n", address);
		}
		if (!row->below_function || address_key(row->address) >> 8 == last)
			continue;
		last = address_key(row->address) >> 8;
		(void)address_format(row->parent, address);
		(void)fprintf(out, "#below %04x:%02x %s\n", row->address.domain, row->address.bus,
			      address);
	}
}

static void warn_unknown(const char *path, const struct paste *paste)
{
	bool groups = false, serials = false, bridges = true, interfaces = true;

	for (size_t i = 0; i < paste->count; i++) {
		const struct row *row = &paste->rows[i];

		groups |= row->group != GROUP_NONE;
		serials |= row->dsn.len != 0;
		bridges &= row->parent_state != PARENT_UNKNOWN;
		interfaces &= row->has_interface;
	}
	warn("%s is text of %s and does not tell:%s%s%s%s%s which screen has the picture, "
	     "what the host lives on",
	     path, paste->udev ? "udevadm" : "lspci",
	     groups ? "" : " IOMMU groups (without one a device is refused),",
	     serials ? "" : " serial numbers,", bridges ? "" : " the bridges above some devices,",
	     interfaces ? "" : " the last two digits of some classes,",
	     paste->udev ? " slots," : "");
}

static int complain_unread(const char *path, const struct paste *paste)
{
	if (paste->full || paste->count > DEVICE_MAX)
		return complain(EXIT_USAGE, "%s: more than %d functions", path, DEVICE_MAX);
	return complain(EXIT_USAGE,
			"%s:%u:1: expected class and id in brackets, as `lspci -nnk` prints them",
			path, paste->bare_line ? paste->bare_line : 1);
}

bool pasted_is(struct text text)
{
	struct text line, word, rest;
	bool found = false;
	uint32_t class;
	struct address address;

	while (text_cut(&text, '\n', &line)) {
		struct text columns = line;

		if (text_cut(&columns, '\t', &word) && address_parse(word, &address) &&
		    text_cut(&columns, '\t', &word) && text_hex(word, 6, 6, &class))
			return false;
		trim(&line);
		found |= take(&line, "P: /devices/");
		rest = line;
		if (take(&rest, "IOMMU Group ")) {
			(void)word_next(&rest, &word);
			trim(&rest);
			line = rest;
		}
		/* A blank, and no tab as in a row that is cut off. */
		found |= text_cut(&line, ' ', &word) && line.len && address_parse(word, &address);
	}
	return found;
}

char *pasted_rows(const char *path, struct text text, size_t *len, int *code)
{
	struct paste paste = { .rows = calloc(ROW_MAX, sizeof(*paste.rows)) };
	char *rows = NULL;
	FILE *out = paste.rows ? open_memstream(&rows, len) : NULL;

	if (!out) {
		free(paste.rows);
		*code = complain(EXIT_FAILED, "no memory");
		return NULL;
	}
	take_text(&paste, text);
	complete(&paste);
	write_keys(&paste, out);
	for (size_t i = 0; i < paste.count; i++)
		write_row(&paste.rows[i], out);
	if (fclose(out)) {
		*code = complain(EXIT_FAILED, "no memory");
	} else if (!paste.count || paste.count > DEVICE_MAX || paste.full) {
		*code = complain_unread(path, &paste);
	} else {
		warn_unknown(path, &paste);
		*code = EXIT_AS_CONFIGURED;
	}
	free(paste.rows);
	if (*code == EXIT_AS_CONFIGURED)
		return rows;
	free(rows);
	return NULL;
}
