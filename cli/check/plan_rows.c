/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/names.h"
#include "check.h"

#include <stdio.h>

/* null where there is nothing to say. */
static void add_optional(struct json_object *row, const char *key, const char *value)
{
	if (value[0])
		json_add_string(row, key, value);
	else
		(void)json_object_object_add(row, key, NULL);
}

/* The device it goes along with, or "". */
static void find_leader(const struct host *host, size_t index, char address[ADDRESS_SIZE])
{
	size_t leader = host->judged.plan.tallies[index].with;

	address[0] = '\0';
	if (plan_verdict(&host->judged.plan, index).reason == REASON_COMPANION)
		(void)address_format(host->judged.inventory.devices[leader].address, address);
}

/* How it came to be in the plan, for the table. */
static void add_note(struct json_object *row, struct verdict verdict, const char *leader)
{
	if (leader[0])
		json_add_format(row, "note", "goes with %s", leader);
	else if (verdict.kind == VERDICT_REFUSE)
		json_add_format(row, "note", "refused: %s", reason_token(verdict.reason));
	else
		json_add_string(row, "note", verdict.kind == VERDICT_KEEP ? "kept" : "");
}

static void add_drivers(struct json_object *row, const struct host *host, size_t index,
			struct verdict verdict)
{
	const char *now = host->drivers[index];

	add_optional(row, "driver", now);
	if (verdict.kind == VERDICT_BIND)
		json_add_text(row, "driver_next", host->judged.policy.rules[verdict.rule].driver);
	else
		add_optional(row, "driver_next", driver_is_passthrough(text_of(now)) ? "" : now);
}

static struct json_object *plan_row(const struct host *host, size_t index)
{
	const struct device *device = &host->judged.inventory.devices[index];
	struct verdict verdict = plan_verdict(&host->judged.plan, index);
	const struct rule *rule = &host->judged.policy.rules[verdict.rule];
	struct json_object *row = json_object_new_object();
	char address[ADDRESS_SIZE], text[NAME_TEXT_SIZE];

	(void)address_format(device->address, address);
	json_add_string(row, "address", address);
	json_add_string(row, "class", device_class_text(device, text));
	json_add_format(row, "id", "%04x:%04x", device->vendor, device->device);
	add_optional(row, "name", device_short_name(device, text));
	add_drivers(row, host, index, verdict);
	json_add_string(row, "verdict", verdict_token(verdict.kind));
	json_add_string(row, "reason", reason_token(verdict.reason));
	json_add_place(row, "rule", rule);
	find_leader(host, index, address);
	add_optional(row, "with", address);
	add_note(row, verdict, address);
	return row;
}

struct json_object *plan_rows(const struct host *host)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < host->judged.plan.selected_count; i++)
		(void)json_object_array_add(rows, plan_row(host, host->judged.plan.selected[i]));
	return rows;
}
