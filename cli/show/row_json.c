/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "row_json.h"

#include "base/printable.h"
#include "path.h"
#include "row_text.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

/* Each returns the value of one key, or NULL for null. */
typedef struct json_object *value_of(const struct device_row *row);

/* null for a text that is empty. */
static struct json_object *string_or_null(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *number_or_null(int number, bool there)
{
	return there ? json_object_new_int(number) : NULL;
}

static struct json_object *reason_or_null(enum reason reason)
{
	return reason == REASON_NONE ? NULL : json_object_new_string(reason_token(reason));
}

static struct json_object *address_value(const struct device *device)
{
	char address[ADDRESS_SIZE];

	(void)address_format(device->address, address);
	return json_object_new_string(address);
}

static struct json_object *get_address(const struct device_row *row)
{
	return address_value(row->device);
}

static struct json_object *get_class(const struct device_row *row)
{
	char text[NAME_TEXT_SIZE];

	return json_object_new_string(device_class_text(row->device, text));
}

static struct json_object *get_class_code(const struct device_row *row)
{
	return json_format("%06x", row->device->class);
}

static struct json_object *get_id(const struct device_row *row)
{
	return json_format("%04x:%04x", row->device->vendor, row->device->device);
}

static struct json_object *get_subsystem(const struct device_row *row)
{
	const struct device *device = row->device;

	if (!device->subvendor && !device->subdevice)
		return NULL;
	return json_format("%04x:%04x", device->subvendor, device->subdevice);
}

static struct json_object *get_vendor(const struct device_row *row)
{
	char text[NAME_TEXT_SIZE];

	return string_or_null(vendor_name(row->device, text));
}

static struct json_object *get_device(const struct device_row *row)
{
	char text[NAME_TEXT_SIZE];

	return string_or_null(model_name(row->device, text));
}

static struct json_object *get_name(const struct device_row *row)
{
	char text[NAME_TEXT_SIZE];

	return string_or_null(name_text(row, text));
}

static struct json_object *get_group(const struct device_row *row)
{
	int32_t group = device_group(row->device);

	return number_or_null(group, group != GROUP_NONE);
}

static struct json_object *get_bridge(const struct device_row *row)
{
	return json_object_new_boolean(device_is_bridge(row->device));
}

static struct json_object *get_slot(const struct device_row *row)
{
	char text[SLOT_NAME_SIZE];

	return string_or_null(slot_text(row, text));
}

/* What the board's maker calls the place: sysfs-bus-pci, label. */
static struct json_object *get_label(const struct device_row *row)
{
	char path[MACHINE_PATH_SIZE], label[NAME_TEXT_SIZE];
	ssize_t len = -1;

	if (!row->view->host->from_file)
		len = machine_read_attribute(&row->view->host->judged.machine,
					     pci_path(path, row->device->address, "label"), label,
					     sizeof(label));
	label[len > 0 ? len : 0] = '\0';
	label[strcspn(label, "\n")] = '\0';
	make_printable(label);
	return string_or_null(label);
}

static struct json_object *get_path(const struct device_row *row)
{
	char path[PATH_SIZE];

	(void)path_format(&row->view->host->judged.inventory, row->index, path);
	return json_object_new_string(path);
}

static struct json_object *get_dsn(const struct device_row *row)
{
	char dsn[DSN_SIZE];

	if (!(row->device->known & FACT_DSN) || !row->device->dsn)
		return NULL;
	dsn_format(row->device->dsn, dsn);
	return json_object_new_string(dsn);
}

static struct json_object *get_twin(const struct device_row *row)
{
	return number_or_null(row->twin, row->twins);
}

static struct json_object *get_twins(const struct device_row *row)
{
	return number_or_null(row->twins, row->twins);
}

static struct json_object *get_disks(const struct device_row *row)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < row->view->disks.count; i++) {
		const struct disk_info *disk = &row->view->disks.disks[i];
		struct json_object *member;

		if (disk->function != row->index)
			continue;
		member = json_object_new_object();
		json_add_string(member, "name", disk->name);
		(void)json_object_object_add(member, "model", string_or_null(disk->model));
		(void)json_object_object_add(member, "serial", string_or_null(disk->serial));
		(void)json_object_array_add(array, member);
	}
	return array;
}

static struct json_object *get_driver(const struct device_row *row)
{
	return row->driver.len ? json_text(row->driver) : NULL;
}

static struct json_object *get_driver_next(const struct device_row *row)
{
	return row->driver_next.len ? json_text(row->driver_next) : NULL;
}

static struct json_object *get_verdict(const struct device_row *row)
{
	return json_object_new_string(verdict_token(row->verdict.kind));
}

static struct json_object *get_reason(const struct device_row *row)
{
	return reason_or_null(row->refused_by_boot ? row->refusal : row->verdict.reason);
}

static struct json_object *get_rule(const struct device_row *row)
{
	return row->rule ? json_place(row->rule) : NULL;
}

static struct json_object *get_with(const struct device_row *row)
{
	if (row->leader == NO_DEVICE)
		return NULL;
	return address_value(&row->view->host->judged.inventory.devices[row->leader]);
}

static struct json_object *get_state(const struct device_row *row)
{
	return json_object_new_string(state_name(row->state));
}

static struct json_object *get_use(const struct device_row *row)
{
	const struct need *note = NULL;
	struct json_object *array = json_object_new_array();

	while ((note = needs_next(&row->view->notes.needs, row->index, note)))
		(void)json_object_array_add(array, json_text(text_of(need_word(note))));
	return array;
}

static struct json_object *get_note(const struct device_row *row)
{
	char text[ROW_TEXT_SIZE];

	return note_text(row, text)[0] ? json_text(text_of(text)) : NULL;
}

static struct json_object *get_status(const struct device_row *row)
{
	return json_object_new_string(status_name(row));
}

static struct json_object *get_detail(const struct device_row *row)
{
	char text[ROW_TEXT_SIZE];

	return json_text(text_of(detail_text(row, text)));
}

static struct json_object *get_boot(const struct device_row *row)
{
	struct json_object *object;

	if (!row->boot)
		return NULL;
	object = json_object_new_object();
	json_add_string(object, "verdict", verdict_token(row->boot->verdict));
	(void)json_object_object_add(object, "reason", reason_or_null(row->boot->reason));
	json_add_text(object, "rule", row->boot->rule);
	json_add_text(object, "detail", row->boot->detail);
	return object;
}

static const struct {
	const char *key;
	value_of *get;
} members[] = {
	{ "address", get_address },
	{ "boot", get_boot },
	{ "bridge", get_bridge },
	{ "class", get_class },
	{ "class_code", get_class_code },
	{ "detail", get_detail },
	{ "device", get_device },
	{ "disks", get_disks },
	{ "driver", get_driver },
	{ "driver_next", get_driver_next },
	{ "dsn", get_dsn },
	{ "group", get_group },
	{ "id", get_id },
	{ "label", get_label },
	{ "name", get_name },
	{ "note", get_note },
	{ "path", get_path },
	{ "reason", get_reason },
	{ "rule", get_rule },
	{ "slot", get_slot },
	{ "state", get_state },
	{ "status", get_status },
	{ "subsystem", get_subsystem },
	{ "twin", get_twin },
	{ "twins", get_twins },
	{ "use", get_use },
	{ "vendor", get_vendor },
	{ "verdict", get_verdict },
	{ "with", get_with },
};

struct json_object *row_json(const struct device_row *row, const char *const keys[], size_t count)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < count; i++)
		for (size_t m = 0; m < ARRAY_SIZE(members); m++)
			if (!strcmp(members[m].key, keys[i]))
				(void)json_object_object_add(object, keys[i], members[m].get(row));
	return object;
}

struct json_object *trial_json(const struct trial_state *state)
{
	struct json_object *object;

	if (state->stage == TRIAL_IS_NONE)
		return NULL;
	object = json_object_new_object();
	json_add_string(object, "state", trial_word(state->stage));
	(void)json_object_object_add(
		object, "boots",
		number_or_null((int)state->trial.boots, state->stage == TRIAL_WAITS ||
								state->stage == TRIAL_RUNS ||
								state->stage == TRIAL_HAS_FAILED));
	(void)json_object_object_add(object, "boot", string_or_null(state->trial.boot));
	return object;
}
