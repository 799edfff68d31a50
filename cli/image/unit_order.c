/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit_order.h"

#include "base/words.h"
#include "load.h"

#include <stdio.h>
#include <string.h>

#define UNIT       "vfio-bind-initrd.service"
#define WANTS      "sysinit.target.wants"
#define BINDER     "/" PAYLOAD_DIR "/binder"
#define PARTS_MAX  16 /* the unit and its drop-ins */
#define LATER_UNIT "systemd-modules-load.service"

/* The first that has a file wins: systemd.unit(5), without those that only a running system has. */
static const char *const dirs[] = { "etc/systemd/system", "usr/local/lib/systemd/system",
				    "usr/lib/systemd/system", "lib/systemd/system" };

/* What systemd starts before anything loads a driver: modules-load and the coldplug of udev. */
static const char *const later[] = { LATER_UNIT, "systemd-udevd.service",
				     "systemd-udev-trigger.service" };

/* The unit as systemd reads it: one text behind the other. */
struct unit {
	char paths[PARTS_MAX][IMAGE_PATH_SIZE];
	struct text parts[PARTS_MAX];
	size_t count;
};

struct setting {
	struct text section, name, value;
};

struct unit_cursor {
	const struct unit *unit;
	size_t part;
	struct text rest, section;
};

/* True if a directory has the name, even as a link that leads nowhere. */
static bool has_name(const struct image_tree *image, const char *dir, const char *wanted)
{
	const char *name;
	size_t at = 0;

	while ((name = image_next(image, dir, &at)))
		if (!strcmp(name, wanted))
			return true;
	return false;
}

static bool is_wanted(const struct image_tree *image)
{
	char path[IMAGE_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/" WANTS, dirs[i]);
		if (has_name(image, path, UNIT))
			return true;
	}
	return false;
}

static void add_part(struct unit *unit, const struct image_tree *image, const char *path)
{
	(void)snprintf(unit->paths[unit->count], IMAGE_PATH_SIZE, "%s", path);
	unit->parts[unit->count++] = image_content(image, path);
}

/* True if a drop-in of that name is there already: the first one stands for all. */
static bool has_part(const struct unit *unit, const char *name)
{
	for (size_t i = 1; i < unit->count; i++)
		if (!strcmp(strrchr(unit->paths[i], '/') + 1, name))
			return true;
	return false;
}

/* Drop-ins in any order: what they change is looked for, not what wins. */
static void add_drop_ins(struct unit *unit, const struct image_tree *image, const char *dir)
{
	static const char *const places[] = { UNIT ".d", "vfio-bind-.service.d", "vfio-.service.d",
					      "service.d" };
	char path[IMAGE_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char place[IMAGE_PATH_SIZE / 2];
		const char *name;
		size_t at = 0;

		(void)snprintf(place, sizeof(place), "%s/%s", dir, places[i]);
		while ((name = image_next(image, place, &at))) {
			(void)snprintf(path, sizeof(path), "%s/%s", place, name);
			if (text_ends(text_of(name), ".conf") && !has_part(unit, name) &&
			    unit->count < PARTS_MAX)
				add_part(unit, image, path);
		}
	}
}

static bool read_unit(struct unit *unit, const struct image_tree *image)
{
	char path[IMAGE_PATH_SIZE];

	for (size_t i = 0; !unit->count && i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s/" UNIT, dirs[i]);
		if (has_name(image, dirs[i], UNIT))
			add_part(unit, image, path);
	}
	for (size_t i = 0; unit->count && i < ARRAY_SIZE(dirs); i++)
		add_drop_ins(unit, image, dirs[i]);
	return unit->count > 0;
}

static struct text trimmed(struct text text)
{
	while (text.len && strchr(" \t\r", text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len && strchr(" \t\r", text.at[text.len - 1]))
		text.len--;
	return text;
}

/* The next NAME=VALUE; comments are none. */
static bool setting_next(struct unit_cursor *cursor, struct setting *setting)
{
	struct text line;

	for (;;) {
		while (!text_cut(&cursor->rest, '\n', &line)) {
			if (cursor->part == cursor->unit->count)
				return false;
			cursor->rest = cursor->unit->parts[cursor->part++];
			cursor->section = (struct text){ 0 };
		}
		line = trimmed(line);
		if (line.len && line.at[0] == '[')
			cursor->section = line;
		else if (line.len && !strchr("#;", line.at[0]) && memchr(line.at, '=', line.len))
			break;
	}
	setting->section = cursor->section;
	(void)text_cut(&line, '=', &setting->name);
	setting->name = trimmed(setting->name);
	setting->value = trimmed(line);
	return true;
}

/* What all settings of the unit come to. */
struct unit_sum {
	bool before[ARRAY_SIZE(later)], no_defaults, oneshot, starts_binder;
	struct text waits, first, condition;
	bool continued;
};

static bool has_word(struct text list, const char *wanted)
{
	struct text word;

	while (word_next(&list, &word))
		if (text_is(word, wanted))
			return true;
	return false;
}

static bool is_no(struct text value)
{
	return text_is(value, "no") || text_is(value, "false") || text_is(value, "off") ||
	       text_is(value, "0");
}

static void sum_unit_section(struct unit_sum *sum, const struct setting *setting)
{
	struct text value = setting->value;

	if (text_is(setting->name, "DefaultDependencies"))
		sum->no_defaults = is_no(value);
	else if (text_is(setting->name, "Before"))
		for (size_t i = 0; i < ARRAY_SIZE(later); i++)
			sum->before[i] |= has_word(value, later[i]);
	else if (text_is(setting->name, "After") && value.len)
		sum->waits = value;
	else if ((setting->name.len > 9 && !memcmp(setting->name.at, "Condition", 9)) ||
		 (setting->name.len > 6 && !memcmp(setting->name.at, "Assert", 6)))
		if (!text_is(value, "/etc/initrd-release") && !text_is(value, BINDER) && value.len)
			sum->condition = setting->name;
}

static void sum_service_section(struct unit_sum *sum, const struct setting *setting)
{
	struct text value = setting->value, word = { 0 };

	if (text_is(setting->name, "Type")) {
		sum->oneshot = text_is(value, "oneshot");
	} else if (text_is(setting->name, "ExecStart")) {
		(void)word_next(&value, &word);
		while (word.len && strchr("-@:+!", word.at[0])) {
			word.at++;
			word.len--;
		}
		/* An empty one takes back those before it. */
		sum->starts_binder = word.len && (sum->starts_binder || text_is(word, BINDER));
		if (word.len && !text_is(word, BINDER) && !sum->starts_binder)
			sum->first = word;
	} else if ((text_is(setting->name, "ExecStartPre") ||
		    text_is(setting->name, "ExecCondition")) &&
		   value.len) {
		sum->first = value;
	}
}

static void sum_up(const struct unit *unit, struct unit_sum *sum)
{
	struct unit_cursor cursor = { .unit = unit };
	struct setting setting;

	while (setting_next(&cursor, &setting)) {
		sum->continued |= text_ends(setting.value, "\\");
		if (text_is(setting.section, "[Unit]"))
			sum_unit_section(sum, &setting);
		else if (text_is(setting.section, "[Service]"))
			sum_service_section(sum, &setting);
	}
}

static bool is_late(struct text list)
{
	static const char *const lates[] = { "udev", "dracut-", "modules-load", ".target",
					     ".mount" };

	for (size_t i = 0; i < ARRAY_SIZE(lates); i++)
		if (memmem(list.at, list.len, lates[i], strlen(lates[i])))
			return true;
	return false;
}

#define TEXT(text) (int)(text).len, (text).at

static void judge(const struct unit_sum *sum, struct image_order *order)
{
	for (size_t i = 0; !sum->continued && i < ARRAY_SIZE(later); i++) {
		if (sum->before[i])
			continue;
		order_say(order, FOUND_WRONG, UNIT " is not ordered before %s", later[i]);
		return;
	}
	if (sum->continued)
		order_say(order, FOUND_UNKNOWN, UNIT " goes on over several lines: " BOOT_DECIDES);
	else if (!sum->no_defaults)
		order_say(order, FOUND_WRONG,
			  UNIT " waits for others: it lacks DefaultDependencies=no");
	else if (!sum->starts_binder)
		order_say(order, FOUND_WRONG, UNIT " does not start the binder");
	else if (!sum->oneshot)
		order_say(order, FOUND_WRONG,
			  UNIT ": nothing waits for the binder's end: it lacks Type=oneshot");
	else if (sum->waits.len)
		order_say(order, is_late(sum->waits) ? FOUND_WRONG : FOUND_UNKNOWN,
			  UNIT " waits for %.*s%s", TEXT(sum->waits),
			  is_late(sum->waits) ? "" : ": " BOOT_DECIDES);
	else if (sum->condition.len)
		order_say(order, FOUND_UNKNOWN, UNIT " has %.*s=: " BOOT_DECIDES,
			  TEXT(sum->condition));
	else if (sum->first.len)
		order_say(order, FOUND_UNKNOWN, UNIT " starts %.*s first: " BOOT_DECIDES,
			  TEXT(sum->first));
	else
		order_say(order, FOUND_RIGHT,
			  UNIT " before systemd-modules-load and systemd-udevd");
}

bool unit_order(const struct image_tree *image, struct image_order *order)
{
	static struct unit unit;
	struct unit_sum sum = { 0 };

	unit.count = 0;
	if (!read_unit(&unit, image))
		return false;
	sum_up(&unit, &sum);
	if (!unit.parts[0].len)
		order_say(order, FOUND_WRONG, UNIT " is masked: /%s is empty", unit.paths[0]);
	else if (!is_wanted(image))
		order_say(order, FOUND_WRONG,
			  UNIT " is there, but sysinit.target does not want it");
	else if (!image_find(image, "etc/initrd-release"))
		order_say(order, FOUND_WRONG,
			  "there is no /etc/initrd-release, which " UNIT " asks for");
	else
		judge(&sum, order);
	return true;
}
