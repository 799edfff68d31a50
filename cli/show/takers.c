/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "takers.h"

#include "base/driverctl.h"
#include "base/id_list.h"
#include "base/udev_rule.h"
#include "base/words.h"
#include "cmdline.h"

#include <stdio.h>
#include <string.h>

struct search {
	struct takers *takers;
	const struct inventory *inventory;
};

typedef bool (*matcher)(struct text what, const struct device *device);

static void note(struct search *search, const char *place, matcher matches, struct text what)
{
	struct takers *takers = search->takers;
	bool any = false;

	if (takers->count == TAKERS_MAX)
		return;
	for (size_t i = 0; i < search->inventory->count; i++) {
		const struct device *device = &search->inventory->devices[i];

		if (takers->of[i] || device_is_bridge(device) || !matches(what, device))
			continue;
		takers->of[i] = (uint8_t)(takers->count + 1);
		any = true;
	}
	if (any)
		(void)snprintf(takers->places[takers->count++], CONF_PLACE_SIZE, "%s", place);
}

static void note_line(struct search *search, const struct conf_line *line, matcher matches,
		      struct text what)
{
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	note(search, place, matches, what);
}

static bool take_module(void *context, const struct conf_line *line)
{
	struct text rest = line->text, module;

	if (word_next(&rest, &module) && takes_kinds(module))
		note_line(context, line, kinds_match, kinds_in_options(rest));
	return true;
}

static bool take_modprobe(void *context, const struct conf_line *line)
{
	struct conf_line options = *line;
	struct text word;

	return !word_next(&options.text, &word) || !text_is(word, "options") ||
	       take_module(context, &options);
}

static bool take_udev(void *context, const struct conf_line *line)
{
	if (udev_rule_overrides(line->text))
		note_line(context, line, udev_rule_matches, line->text);
	return true;
}

static bool take_override(void *context, const struct conf_line *line)
{
	struct search *search = context;
	struct takers *takers = search->takers;
	size_t index = NO_DEVICE;
	struct address address;
	struct text driver;
	uint8_t *place;

	if (driverctl_parse(line, &address, &driver))
		index = inventory_find(search->inventory, address);
	if (index == NO_DEVICE || takers->count == TAKERS_MAX)
		return true;
	place = driver_is_passthrough(driver) ? &takers->of[index] : &takers->back[index];
	if (*place)
		return true;
	(void)snprintf(takers->places[takers->count++], CONF_PLACE_SIZE, "/%.300s", line->path);
	*place = (uint8_t)takers->count;
	return true;
}

void takers_find(struct takers *takers, struct host *host)
{
	struct machine *machine = &host->judged.machine;
	struct search search = { takers, &host->judged.inventory };
	struct text cmdline = text_of(host->judged.cmdline);
	struct cmdline_word word;

	*takers = (struct takers){ 0 };
	while (cmdline_next(&cmdline, &word))
		if (word.value.at && is_kinds_parameter(word.name))
			note(&search, "the kernel command line", kinds_match, word.value);
	if (host->from_file)
		return;
	(void)conf_read_modprobe(machine, take_modprobe, &search);
	(void)conf_read(machine, "etc/initramfs-tools/modules", take_module, &search);
	(void)conf_read_udev(machine, take_udev, &search);
	(void)driverctl_read(machine, take_override, &search);
}

static const char *place_of(const struct takers *takers, uint8_t number)
{
	return number ? takers->places[number - 1] : NULL;
}

const char *taker_of(const struct takers *takers, size_t index)
{
	return place_of(takers, takers->of[index]);
}

const char *giver_of(const struct takers *takers, size_t index)
{
	return place_of(takers, takers->back[index]);
}
