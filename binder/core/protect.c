/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protect.h"

#include "path.h"
#include "value.h"

#include <string.h>

static const struct {
	const char *name;
	enum use use;
} uses[] = {
	{ "storage", USE_STORAGE },
	{ "network", USE_NETWORK },
	{ "input", USE_INPUT },
};

const char *use_name(enum use use)
{
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (uses[i].use == use)
			return uses[i].name;
	return NULL;
}

static bool parse_key(struct protect_line *line, struct text word)
{
	struct text key;
	union value value;

	if (!text_cut(&word, '=', &key) || !word.at)
		return false;
	if (text_is(key, "path") && value_parse(SELECT_PATH, word, &value)) {
		line->path = value.text;
		return true;
	}
	if (text_is(key, "dsn") && value_parse(SELECT_DSN, word, &value)) {
		line->dsn = value.dsn == UINT64_MAX ? 0 : value.dsn; /* all ones are not a number */
		return true;
	}
	if (!text_is(key, "id") || !value_parse(SELECT_ID, word, &value))
		return false;
	line->vendor = value.id.vendor;
	line->device = value.id.device;
	return !value.id.any_vendor && !value.id.any_device;
}

static bool parse_line(struct protect *protect, struct text text)
{
	struct protect_line *line = &protect->lines[protect->count];
	struct text word;

	if (!text.len)
		return true;
	if (text_is(text, "unknown")) {
		protect->unknown = true;
		return true;
	}
	if (protect->count == ARRAY_SIZE(protect->lines))
		return false;
	*line = (struct protect_line){ 0 };
	(void)text_cut(&text, ' ', &word);
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (text_is(word, uses[i].name))
			line->use = uses[i].use;
	while (text_cut(&text, ' ', &word))
		if (!parse_key(line, word))
			return false;
	protect->count++;
	/* Vendor ffff is what an empty slot reads as: nothing has id 0000:0000 either. */
	return line->use && line->path.at && line->vendor;
}

unsigned protect_parse(struct protect *protect, struct text text)
{
	struct text line = { 0 };
	unsigned number = 1;

	protect->count = 0;
	protect->unknown = true;
	if (!text_cut(&text, '\n', &line) || !text_is(line, PROTECT_HEADER))
		return 1;
	protect->unknown = false;
	while (text_cut(&text, '\n', &line)) {
		number++;
		if (parse_line(protect, line))
			continue;
		protect->unknown = true;
		return number;
	}
	return 0;
}

static bool has_id(const struct protect_line *line, const struct device *device)
{
	return device->vendor == line->vendor && device->device == line->device;
}

/* True if the device has a serial number, and it is another than that on the line. */
static bool other_dsn(const struct protect_line *line, const struct device *device)
{
	return line->dsn && (device->known & FACT_DSN) && device->dsn &&
	       device->dsn != UINT64_MAX && device->dsn != line->dsn;
}

static bool dsn_is_anywhere(const struct protect_line *line, const struct inventory *inventory)
{
	for (size_t i = 0; line->dsn && i < inventory->count; i++)
		if (has_id(line, &inventory->devices[i]) &&
		    (inventory->devices[i].known & FACT_DSN) &&
		    inventory->devices[i].dsn == line->dsn)
			return true;
	return false;
}

static bool dsn_is_unread(const struct protect_line *line, const struct inventory *inventory)
{
	for (size_t i = 0; line->dsn && i < inventory->count; i++)
		if (has_id(line, &inventory->devices[i]) &&
		    !(inventory->devices[i].known & FACT_DSN))
			return true;
	return false;
}

static bool line_protects(const struct protect_line *line, const struct inventory *inventory,
			  size_t index)
{
	const struct device *device = &inventory->devices[index];
	size_t shown;

	if (dsn_is_anywhere(line, inventory))
		return device->dsn == line->dsn;
	shown = path_find(line->path, inventory);
	if (shown != NO_DEVICE && has_id(line, &inventory->devices[shown]) &&
	    !other_dsn(line, &inventory->devices[shown]))
		return shown == index;
	/* What the line meant is not where it was: it may be any device of its kind. */
	return true;
}

const struct protect_line *protect_find(const struct protect *protect,
					const struct inventory *inventory, size_t index,
					enum use use, bool *wants_dsn)
{
	for (size_t i = 0; i < protect->count; i++) {
		const struct protect_line *line = &protect->lines[i];

		if (line->use != use || !has_id(line, &inventory->devices[index]))
			continue;
		if (dsn_is_unread(line, inventory)) {
			*wants_dsn = true;
			return line;
		}
		if (line_protects(line, inventory, index))
			return line;
	}
	return NULL;
}
