/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pasted.h"

#include "base/complain.h"
#include "base/printable.h"
#include "host.h"
#include "pasted_lines.h"
#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_address(const void *a, const void *b)
{
	uint64_t first = address_key(((const struct row *)a)->address);
	uint64_t second = address_key(((const struct row *)b)->address);

	return (first > second) - (first < second);
}

/* What the text tells twice stays in its order. */
static int compare_row(const void *a, const void *b)
{
	const struct row *first = a, *second = b;
	int order = compare_address(a, b);

	return order ? order : (first->order > second->order) - (first->order < second->order);
}

static void fill(struct text *to, struct text from)
{
	if (!to->len)
		*to = from;
}

/* What one listing of a function does not tell, another may. */
static void merge(struct row *row, const struct row *other)
{
	if (!row->id.len)
		row->class = other->class;
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
	if (row->parent_state == PARENT_UNKNOWN) {
		row->parent_state = other->parent_state;
		row->parent = other->parent;
		row->below_function = other->below_function;
	}
	row->framebuffer |= other->framebuffer;
	if (!row->has_interface && other->has_interface) {
		row->class = other->class;
		row->has_interface = true;
	}
}

/* Sorts the rows, one for each function, and drops what has no ids. */
static void sort_rows(struct paste *paste)
{
	size_t kept = 0, count = 0;

	qsort(paste->rows, paste->count, sizeof(*paste->rows), compare_row);
	for (size_t i = 0; i < paste->count; i++) {
		struct row *row = &paste->rows[i];

		if (kept && address_equal(paste->rows[kept - 1].address, row->address))
			merge(&paste->rows[kept - 1], row);
		else
			paste->rows[kept++] = *row;
	}
	for (size_t i = 0; i < kept; i++) {
		unsigned line = paste->rows[i].line; /* 0: only its IOMMU group was told */

		if (pasted_is_id(paste->rows[i].id))
			paste->rows[count++] = paste->rows[i];
		else if (line && (!paste->bare_count++ || line < paste->bare_line))
			paste->bare_line = line;
	}
	paste->count = count;
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

/*
 * True for a bus on which a host bridge stands: no other bus has one. That of a domain past 16 bits
 * (VMD, Hyper-V) has none: there it is the bus that no bridge leads to.
 */
static bool is_root_bus(const struct paste *paste, struct address at)
{
	if (at.domain > 0xffff)
		return paste->tells_buses;
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
static void drop_missing(const struct paste *paste, struct row *row)
{
	const struct row above = { .address = row->parent };

	if (row->below_function &&
	    !bsearch(&above, paste->rows, paste->count, sizeof(*paste->rows), compare_address)) {
		row->below_function = false;
		row->parent_state = PARENT_UNKNOWN;
	}
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
	bool has_subsystem = pasted_is_id(row->subsystem) && hex4(row->subsystem.at) > 0;
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
	if (paste->bare_count)
		warn("%s:%u: %zu function%s without ids %s left out: `lspci -nnk` prints them",
		     path, paste->bare_line, paste->bare_count, paste->bare_count == 1 ? "" : "s",
		     paste->bare_count == 1 ? "is" : "are");
}

static bool is_machine_file(struct text text)
{
	struct address address;
	struct text line, word;
	uint32_t class;

	while (text_cut(&text, '\n', &line))
		if (text_cut(&line, '\t', &word) && address_parse(word, &address) &&
		    text_cut(&line, '\t', &word) && text_hex(word, 6, 6, &class))
			return true;
	return false;
}

bool pasted_is(struct text text)
{
	size_t len;
	char *copy = is_machine_file(text) ? NULL : pasted_clean(text, &len);
	bool found = copy && pasted_tells((struct text){ copy, len });

	free(copy);
	return found;
}

char *pasted_rows(const char *path, struct text text, size_t *len, int *code)
{
	struct paste paste = { .rows = calloc(ROW_MAX, sizeof(*paste.rows)) };
	size_t clean_len;
	char *rows = NULL, *copy = pasted_clean(text, &clean_len);
	FILE *out = paste.rows && copy ? open_memstream(&rows, len) : NULL;

	if (!out) {
		free(paste.rows);
		free(copy);
		*code = complain(EXIT_FAILED, "no memory");
		return NULL;
	}
	pasted_take(&paste, (struct text){ copy, clean_len });
	sort_rows(&paste);
	for (size_t i = 0; i < paste.count; i++) {
		guess_interface(&paste.rows[i]);
		if (paste.udev)
			drop_missing(&paste, &paste.rows[i]);
		else
			find_parent(&paste, &paste.rows[i]);
	}
	write_keys(&paste, out);
	for (size_t i = 0; i < paste.count; i++)
		write_row(&paste.rows[i], out);
	if (fclose(out)) {
		*code = complain(EXIT_FAILED, "no memory");
	} else if (paste.count > DEVICE_MAX || paste.full) {
		*code = complain(EXIT_USAGE, "%s: more than %d functions", path, DEVICE_MAX);
	} else if (!paste.count) {
		*code = complain(EXIT_USAGE,
				 "%s:%u:1: expected class and id in brackets, as `lspci -nnk` "
				 "prints them",
				 path, paste.bare_line ? paste.bare_line : 1);
	} else {
		warn_unknown(path, &paste);
		*code = EXIT_AS_CONFIGURED;
	}
	free(paste.rows);
	free(copy);
	if (*code == EXIT_AS_CONFIGURED)
		return rows;
	free(rows);
	return NULL;
}
