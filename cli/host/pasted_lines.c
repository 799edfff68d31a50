/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pasted_lines.h"

#include "base/words.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

/* Takes start off the front of text, if it is there. */
static bool take(struct text *text, const char *start)
{
	size_t len = strlen(start);

	if (text->len < len || strncmp(text->at, start, len) != 0)
		return false;
	text_skip(text, len);
	return true;
}

/* "[code]", "<pre>", a prompt or a time of the kernel's log: none of the tools begins a line so. */
static bool take_tag(struct text *text)
{
	const char *end = NULL;

	if (text->len && (*text->at == '[' || *text->at == '<'))
		end = memchr(text->at, *text->at == '[' ? ']' : '>', text->len);
	if (end)
		text_skip(text, (size_t)(end - text->at) + 1);
	return end;
}

/* What forums, mails and their editors put around a line. */
static void trim(struct text *text)
{
	while (text->len) {
		if (strchr(" \t>|`*-+", *text->at))
			text_skip(text, 1);
		else if (!take(text, "&gt;") && !take(text, "&nbsp;") && !take_tag(text))
			break;
	}
	while (text->len && strchr(" \t\r", text->at[text->len - 1]))
		text->len--;
}

/* A terminal's colours, ESC [ ... LETTER; its length, or 0. */
static size_t colour_len(struct text text)
{
	size_t len = 2;

	if (text.len < 3 || text.at[0] != '\033' || text.at[1] != '[')
		return 0;
	while (len < text.len && text.at[len] < '@' && text.at[len] >= ' ')
		len++;
	return len < text.len ? len + 1 : 0;
}

char *pasted_clean(struct text text, size_t *len)
{
	char *copy = malloc(text.len + 1);
	size_t colour;

	*len = 0;
	(void)take(&text, "\xef\xbb\xbf");
	while (copy && text.len) {
		colour = colour_len(text);
		if (colour) {
			text_skip(&text, colour);
		} else if (take(&text, "\xc2\xa0")) {
			copy[(*len)++] = ' ';
		} else {
			copy[(*len)++] = *text.at;
			text_skip(&text, 1);
		}
	}
	return copy;
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

bool pasted_is_id(struct text text)
{
	return text.len >= 9 && hex4(text.at) >= 0 && text.at[4] == ':' && hex4(text.at + 5) >= 0;
}

/* And a blank behind that, for which a mail may have a line end. */
static struct text behind_blank(struct text text, const char *start)
{
	struct text found = behind(text, start);

	if (found.len)
		text_skip(&found, 1);
	return found;
}

/* The last VVVV:DDDD in brackets: the names before it may hold brackets of their own. */
static struct text last_id(struct text text)
{
	struct text found = { text.at, 0 }, rest = text;

	while ((rest = behind(rest, "[")).len)
		if (pasted_is_id(rest) && rest.len > 9 && rest.at[9] == ']')
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
	paste->broken = (struct text){ NULL, 0 };
	paste->current = NULL;
	if (paste->count == ROW_MAX) {
		paste->full = true;
		return NULL;
	}
	paste->current = &paste->rows[paste->count++];
	*paste->current = (struct row){
		.address = address,
		.order = (unsigned)paste->count,
		.group = paste->group,
		.secondary = -1,
	};
	return paste->current;
}

/* "0300: 10de:1b81 (rev a1)", as lspci -n has it. */
static bool find_numbers(struct text text, uint32_t *class, struct text *id)
{
	struct text word;

	if (!word_next(&text, &word) || word.len != 5 || hex4(word.at) < 0 || word.at[4] != ':' ||
	    !word_next(&text, id) || id->len != 9 || !pasted_is_id(*id))
		return false;
	*class = (uint32_t)hex4(word.at) << 8;
	return true;
}

/* A card that no longer answers reads as ones: "(rev ff) (prog-if ff)". */
static void take_interface(struct row *row, struct text text)
{
	struct text interface = behind_blank(text, "(prog-if");

	if (interface.len <= 2 || hex2(interface.at) < 0 ||
	    (hex2(interface.at) == 0xff && row->revision.len && hex2(row->revision.at) == 0xff))
		return;
	row->class |= (uint32_t)hex2(interface.at);
	row->has_interface = true;
}

/* "... [10de:1b81] (rev" */
static bool is_broken(struct text text)
{
	const char *open = text.len ? memrchr(text.at, '(', text.len) : NULL;

	return open && !memchr(open, ')', (size_t)(text.at + text.len - open));
}

/* "01:00.0 VGA compatible controller [0300]: NVIDIA ... [10de:1b81] (rev a1)" */
static bool take_function(struct paste *paste, struct text line, unsigned number)
{
	struct text all = line, word, id = { line.at, 0 }, rest = line;
	struct address address;
	uint32_t class = 0;
	struct row *row;

	if (!word_next(&line, &word) || !address_parse(word, &address) || !line.len)
		return false;
	row = add_row(paste, address);
	if (!row)
		return true;
	if (find_class(line, &class, &rest))
		id = last_id(rest);
	if (!id.len && !find_numbers(line, &class, &id)) {
		paste->broken = all;
		row->line = number;
		return true;
	}
	if (is_broken(all))
		paste->broken = all;
	row->class = class;
	row->id = id;
	row->revision = behind_blank(line, "(rev");
	take_interface(row, line);
	return true;
}

/* A mail breaks long lines: what is missing in the one before may be on this one. */
static bool take_rest(struct paste *paste, struct text line)
{
	struct text all = paste->broken;
	unsigned number = paste->current ? paste->current->line : 0;

	if (!all.len || !line.len)
		return false;
	all.len = (size_t)(line.at + line.len - all.at);
	paste->count--;
	(void)take_function(paste, all, number);
	return paste->current && paste->current->id.len;
}

static bool take_number(struct text *text, int32_t *number)
{
	struct text digits = { text->at, 0 };
	uint32_t value;

	while (digits.len < text->len && digits.at[digits.len] >= '0' &&
	       digits.at[digits.len] <= '9')
		digits.len++;
	if (!text_number(digits, INT32_MAX, &value))
		return false;
	*number = (int32_t)value;
	text_skip(text, digits.len);
	return true;
}

/*
 * "/sys/kernel/iommu_groups/7/devices/0000:01:00.0", which find prints, or the kernel's log:
 * "pci 0000:01:00.0: Adding to iommu group 7".
 */
static bool take_membership(struct paste *paste, struct text line)
{
	struct text rest = behind(line, "/iommu_groups/"), word;
	struct address address;
	int32_t group;
	struct row *row;

	if (rest.len) {
		if (!take_number(&rest, &group) || !take(&rest, "/devices/"))
			return false;
		word = rest;
	} else {
		rest = behind(line, ": Adding to iommu group ");
		if (!rest.len || !take_number(&rest, &group))
			return false;
		word = behind(line, "pci ");
		word.len = word.len < 12 ? 0 : 12;
	}
	if (!address_parse(word, &address))
		return true;
	row = add_row(paste, address);
	if (row)
		row->group = group;
	paste->current = NULL;
	return true;
}

/* "IOMMU Group 7 01:00.0 ...", or "IOMMU Group 7:" above its functions. */
static bool take_heading(struct paste *paste, struct text *line)
{
	struct text rest = *line;
	int32_t group;

	if (!take(&rest, "IOMMU Group ") && !take(&rest, "IOMMU group "))
		return false;
	if (!take_number(&rest, &group))
		return false;
	paste->group = group;
	paste->current = NULL;
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
	struct text group = behind(line, "IOMMU group ");

	if (!row)
		return;
	if (take(&line, "Subsystem: "))
		row->subsystem = last_id(line);
	else if (take(&line, "Kernel driver in use: "))
		row->driver = line;
	else if (take(&line, "Physical Slot: "))
		row->slot = line;
	else if (take(&line, "IOMMU group: "))
		(void)take_number(&line, &row->group);
	else if (take(&line, "Flags: ") &&
		 group.len) /* -v has it there, -vv on a line of its own */
		(void)take_number(&group, &row->group);
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

/* A line of lspci, of the loop over groups, or of what stands between their listings. */
static void take_listing(struct paste *paste, struct text line, unsigned number, bool indented)
{
	bool heading = take_heading(paste, &line);

	if (take_function(paste, line, number)) {
		if (heading) /* the next line has one of its own */
			paste->group = GROUP_NONE;
	} else if (!heading && !take_membership(paste, line)) {
		if (!take_rest(paste, line))
			take_detail(paste, line);
		paste->broken = (struct text){ NULL, 0 };
		if (!indented) /* a prompt or an empty line ends what the heading is above */
			paste->group = GROUP_NONE;
	}
}

void pasted_take(struct paste *paste, struct text text)
{
	struct text line;

	paste->group = GROUP_NONE;
	for (unsigned number = 1; text_cut(&text, '\n', &line); number++) {
		bool indented = line.len && strchr(" \t", *line.at);

		trim(&line);
		if (take(&line, "P: /devices/")) {
			paste->udev = true;
			take_path(paste, line);
		} else if (!paste->udev || !take(&line, "E: ")) {
			take_listing(paste, line, number, indented && line.len);
		} else if (paste->current) {
			take_property(paste->current, line);
		}
	}
}

bool pasted_tells(struct text text)
{
	struct address address;
	struct text line, word, rest;
	bool found = false;

	while (!found && text_cut(&text, '\n', &line)) {
		trim(&line);
		found = take(&line, "P: /devices/");
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
