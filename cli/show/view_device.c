/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/names.h"
#include "base/printable.h"
#include "path.h"
#include "value.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

#define PHRASE_SIZE 512

static const struct device *device_at(const struct view *view, size_t index)
{
	return &view->host->judged.inventory.devices[index];
}

/* null where there is none, so that every key is there. */
static void add_optional(struct json_object *object, const char *key, const char *value)
{
	if (value && value[0])
		json_add_string(object, key, value);
	else
		(void)json_object_object_add(object, key, NULL);
}

static void add_number(struct json_object *object, const char *key, int number, bool there)
{
	(void)json_object_object_add(object, key, there ? json_object_new_int(number) : NULL);
}

static void add_names(struct json_object *object, const struct device *device)
{
	char text[NAME_TEXT_SIZE];

	json_add_string(object, "class", device_class_text(device, text));
	json_add_format(object, "class_code", "%06x", device->class);
	json_add_format(object, "id", "%04x:%04x", device->vendor, device->device);
	if (device->subvendor || device->subdevice)
		json_add_format(object, "subsystem", "%04x:%04x", device->subvendor,
				device->subdevice);
	else
		add_optional(object, "subsystem", NULL);
	add_optional(object, "vendor", vendor_name(device, text));
	add_optional(object, "device", model_name(device, text));
}

/* What the driver read from the one disk, or else what pci.ids says. */
static void add_name(struct json_object *object, const struct view *view, size_t index)
{
	const struct disk_info *only = NULL;
	char text[NAME_TEXT_SIZE];
	size_t disks = 0;

	for (size_t i = 0; i < view->disks.count; i++) {
		if (view->disks.disks[i].function != index)
			continue;
		only = &view->disks.disks[i];
		disks++;
	}
	if (disks == 1 && only->model[0] && only->serial[0])
		json_add_format(object, "name", "%s %s", only->model, only->serial);
	else
		add_optional(object, "name", device_short_name(device_at(view, index), text));
}

static void add_disks(struct json_object *object, const struct view *view, size_t index)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < view->disks.count; i++) {
		const struct disk_info *disk = &view->disks.disks[i];
		struct json_object *member;

		if (disk->function != index)
			continue;
		member = json_object_new_object();
		json_add_string(member, "name", disk->name);
		add_optional(member, "model", disk->model);
		add_optional(member, "serial", disk->serial);
		(void)json_object_array_add(array, member);
	}
	(void)json_object_object_add(object, "disks", array);
}

/* What the board's maker calls the place: sysfs-bus-pci, label. */
static void add_label(struct json_object *object, struct view *view, size_t index)
{
	char path[MACHINE_PATH_SIZE], label[NAME_TEXT_SIZE];
	ssize_t len = -1;

	if (!view->host->from_file)
		len = machine_read_attribute(
			&view->host->judged.machine,
			pci_path(path, device_at(view, index)->address, "label"), label,
			sizeof(label));
	label[len > 0 ? len : 0] = '\0';
	label[strcspn(label, "\n")] = '\0';
	make_printable(label);
	add_optional(object, "label", label);
}

static void add_place(struct json_object *object, struct view *view, size_t index)
{
	const struct inventory *inventory = &view->host->judged.inventory;
	const struct device *device = device_at(view, index);
	const struct slot *slot = inventory_slot(inventory, device);
	char path[PATH_SIZE], dsn[DSN_SIZE], slot_name[SLOT_NAME_SIZE] = "";
	bool grouped = (device->known & FACT_GROUP) && device->group != GROUP_NONE;

	if (slot)
		(void)join(slot_name, sizeof(slot_name), slot->name, "", "");
	make_printable(slot_name);
	(void)path_format(inventory, index, path);
	dsn_format(device->dsn, dsn);
	add_number(object, "group", device->group, grouped);
	(void)json_object_object_add(object, "bridge",
				     json_object_new_boolean(device_is_bridge(device)));
	add_optional(object, "slot", slot_name);
	add_label(object, view, index);
	json_add_string(object, "path", path);
	add_optional(object, "dsn", (device->known & FACT_DSN) && device->dsn ? dsn : NULL);
	add_number(object, "twin", view->twins.which[index], view->twins.of[index]);
	add_number(object, "twins", view->twins.of[index], view->twins.of[index]);
}

/* The driver one like it has on the host, for a device a guest has now. */
static const char *host_driver(const struct view *view, size_t index)
{
	const struct host *host = view->host;
	const struct device *wanted = device_at(view, index);

	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		const struct device *device = device_at(view, i);

		if (device->vendor == wanted->vendor && device->device == wanted->device &&
		    host->drivers[i][0] && !driver_is_passthrough(text_of(host->drivers[i])))
			return host->drivers[i];
	}
	return NULL;
}

static void add_drivers(struct json_object *object, const struct view *view, size_t index,
			enum state state)
{
	struct verdict verdict = plan_verdict(&view->host->judged.plan, index);
	const char *now = view->host->drivers[index];

	add_optional(object, "driver", now);
	if (verdict.kind == VERDICT_BIND)
		json_add_text(object, "driver_next",
			      view->host->judged.policy.rules[verdict.rule].driver);
	else if (state != STATE_VFIO && driver_is_passthrough(text_of(now)))
		add_optional(object, "driver_next", host_driver(view, index));
	else
		add_optional(object, "driver_next", now);
}

static void add_verdict(struct json_object *object, const struct view *view, size_t index)
{
	const struct judgement *judged = &view->host->judged;
	struct verdict verdict = plan_verdict(&judged->plan, index);
	char leader[ADDRESS_SIZE] = "";

	json_add_string(object, "verdict", verdict_token(verdict.kind));
	add_optional(object, "reason",
		     verdict.reason == REASON_NONE ? NULL : reason_token(verdict.reason));
	if (verdict.kind != VERDICT_NONE)
		json_add_place(object, "rule", &judged->policy.rules[verdict.rule]);
	else
		add_optional(object, "rule", NULL);
	if (verdict.reason == REASON_COMPANION)
		(void)address_format(
			judged->inventory.devices[judged->plan.tallies[index].with].address,
			leader);
	add_optional(object, "with", leader);
}

/* Puts one more phrase behind those that are there. */
__attribute__((format(printf, 2, 3))) static void say(char note[PHRASE_SIZE], const char *how, ...)
{
	size_t len = strlen(note);
	va_list arguments;

	if (len + 3 >= PHRASE_SIZE)
		return;
	if (len)
		len += (size_t)snprintf(note + len, PHRASE_SIZE - len, "; ");
	va_start(arguments, how);
	(void)vsnprintf(note + len, PHRASE_SIZE - len, how, arguments);
	va_end(arguments);
}

static void say_pending(const struct view *view, bool bind, char note[PHRASE_SIZE])
{
	bool without =
		!view->host->from_file && !view->last.found && !images_have_ours(&view->images);

	if (images_are_stale(&view->images) || without)
		say(note, "pending: rebuild the image (vfio-bind update)");
	else
		say(note, bind ? "pending: the next boot binds it" :
				 "pending: the next boot leaves it to the host");
}

static void say_drift(const struct view *view, size_t index, bool bind, char note[PHRASE_SIZE])
{
	const struct last_row *row = &view->last.rows[index];
	struct text first, detail = row->detail;

	/* "failed: ...", "hung: ...", and behind it what it goes with. */
	if (bind && text_cut(&detail, ';', &first) && first.len && memchr(first.at, ':', first.len))
		say(note, "drift: %.*s", (int)first.len, first.at);
	else
		say(note, "drift: the boot bound it, and it was taken back since");
}

static void say_state(const struct view *view, size_t index, enum state state,
		      char note[PHRASE_SIZE])
{
	struct verdict verdict = plan_verdict(&view->host->judged.plan, index);
	bool bind = verdict.kind == VERDICT_BIND;

	switch (state) {
	case STATE_HOST:
	case STATE_VFIO:
		break;
	case STATE_PENDING:
		say_pending(view, bind, note);
		break;
	case STATE_DRIFT:
		say_drift(view, index, bind, note);
		break;
	case STATE_REFUSED:
		say(note, "refused: %.*s", (int)strcspn(reason_text(verdict.reason), ":;"),
		    reason_text(verdict.reason));
		break;
	case STATE_FOREIGN:
		say(note, "foreign: neither the boot nor a rule bound it");
		break;
	}
	if (verdict.kind == VERDICT_KEEP)
		say(note, "kept by a rule");
}

static void say_sharing(const struct view *view, size_t index, char note[PHRASE_SIZE])
{
	const struct judgement *judged = &view->host->judged;
	char address[ADDRESS_SIZE], all[8 * ADDRESS_SIZE] = "";
	size_t other = 0, len = 0;

	if (plan_verdict(&judged->plan, index).kind != VERDICT_BIND)
		return;
	while ((other = plan_group_shared(&judged->plan, &judged->inventory, index, other)) !=
	       NO_DEVICE) {
		(void)address_format(judged->inventory.devices[other++].address, address);
		if (len + ADDRESS_SIZE + 2 < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
						len ? ", " : "", address);
	}
	if (len)
		say(note, "group shared with %s", all);
}

/* How it differs from those that look the same. */
static void say_twin(struct json_object *object, const struct view *view, size_t index,
		     char note[PHRASE_SIZE])
{
	const char *slot = json_get_string(object, "slot"), *dsn = json_get_string(object, "dsn");

	if (!view->twins.of[index])
		return;
	say(note, "%u of %u twins%s%s", view->twins.which[index], view->twins.of[index],
	    slot[0] ? ", slot " : "", slot);
	if (!slot[0] && !dsn[0])
		say(note, "path=%s", json_get_string(object, "path"));
	if (dsn[0])
		say(note, "dsn=%s", dsn);
}

/* In words: "root, swap, boot display". */
static void say_use(const struct view *view, size_t index, char note[PHRASE_SIZE])
{
	const char *before = "";
	size_t len = 0, start;

	for (size_t i = 0; i < view->notes.count && len < PHRASE_SIZE / 2; i++) {
		if (view->notes.notes[i].index != index)
			continue;
		start = len;
		len += (size_t)snprintf(note + len, PHRASE_SIZE - len, "%s%s", before,
					view->notes.notes[i].text);
		if (view->notes.notes[i].text[0] != '/')
			for (char *dash = note + start; (dash = strchr(dash, '-'));)
				*dash = ' ';
		before = ", ";
	}
}

static void add_note(struct json_object *object, const struct view *view, size_t index,
		     enum state state)
{
	const char *leader = json_get_string(object, "with");
	char note[PHRASE_SIZE] = "";

	say_use(view, index, note);
	say_state(view, index, state, note);
	if (leader[0])
		say(note, "goes with %s", leader);
	say_sharing(view, index, note);
	say_twin(object, view, index, note);
	add_optional(object, "note", note);
}

struct json_object *view_device(struct view *view, size_t index)
{
	enum state state = device_state(view->host, &view->last, index);
	const struct device *device = device_at(view, index);
	struct json_object *object = json_object_new_object();
	char address[ADDRESS_SIZE];

	(void)address_format(device->address, address);
	json_add_string(object, "address", address);
	add_names(object, device);
	add_name(object, view, index);
	add_place(object, view, index);
	add_disks(object, view, index);
	add_drivers(object, view, index, state);
	add_verdict(object, view, index);
	json_add_string(object, "state", state_name(state));
	(void)json_object_object_add(object, "use", host_notes_array(&view->notes, index));
	add_note(object, view, index, state);
	return object;
}
