/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "row_text.h"

#include "base/printable.h"
#include "host/noiommu.h"
#include "path.h"
#include "value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *state_name(enum device_state state)
{
	static const char *const names[] = {
		[STATE_HOST] = "host",   [STATE_VFIO] = "vfio",       [STATE_PENDING] = "pending",
		[STATE_DRIFT] = "drift", [STATE_REFUSED] = "refused", [STATE_FOREIGN] = "foreign",
	};

	return names[state];
}

const char *state_colour(enum device_state state)
{
	/* Terminals show brown as yellow. */
	static const char *const colours[] = {
		[STATE_HOST] = "",     [STATE_VFIO] = "green",  [STATE_PENDING] = "brown",
		[STATE_DRIFT] = "red", [STATE_REFUSED] = "red", [STATE_FOREIGN] = "brown",
	};

	return colours[state];
}

const char *status_name(const struct device_row *row)
{
	if (row->state == STATE_VFIO)
		return "as configured";
	if (row->state == STATE_HOST && row->verdict.kind == VERDICT_KEEP)
		return "kept";
	return state_name(row->state);
}

const char *guard_remedy(enum reason guard)
{
	static const char *const remedies[] = {
		[REASON_BRIDGE] = "name the devices below it; a bridge cannot be given away",
		[REASON_UNREADABLE] = "see the kernel's log (dmesg) for what is wrong with it",
		[REASON_HAS_VFS] = "name its virtual functions, or let it have none",
		[REASON_BEHIND_VMD] =
			"name the VMD controller itself, or turn VMD off in the firmware's setup",
		[REASON_NO_IOMMU] = "turn the IOMMU on in the firmware's setup",
		[REASON_DRIVER_CONFLICT] = "let one rule alone say driver=",
		[REASON_AMBIGUOUS_DISPLAY] = "name it by address, path, slot or dsn",
		[REASON_BOOT_DISPLAY] =
			"name another screen, or say allow=boot-display if this one may go dark",
		[REASON_HOST_STORAGE] = "name another drive",
		[REASON_HOST_NETWORK] = "name another network card",
		[REASON_HOST_INPUT] =
			"name another controller, or plug a second keyboard into one that stays",
		[REASON_HOST_UNKNOWN] = "name it by address, path or dsn, together with id=",
		[REASON_IN_USE] = "unmount what is on it, and take it out of fstab",
		[REASON_BOUND_DISPLAY] =
			"its driver is built into the kernel: say allow=bound-display and test it",
		[REASON_LAST_DISPLAY] =
			"leave the host a screen, or say allow=last-display if it needs none",
	};

	return remedies[guard];
}

const char *name_text(const struct device_row *row, char out[NAME_TEXT_SIZE])
{
	const struct disk_info *disk = row->only_disk;

	if (!disk || !disk->model[0] || !disk->serial[0])
		return device_short_name(row->device, out);
	(void)snprintf(out, NAME_TEXT_SIZE, "%s %s", disk->model, disk->serial);
	return out;
}

const char *slot_text(const struct device_row *row, char out[SLOT_NAME_SIZE])
{
	(void)snprintf(out, SLOT_NAME_SIZE, "%s", row->slot ? row->slot->name : "");
	make_printable(out);
	return out;
}

/* Puts one more phrase behind those that are there. */
__attribute__((format(printf, 2, 3))) static void add_phrase(char out[ROW_TEXT_SIZE],
							     const char *how, ...)
{
	size_t len = strlen(out);
	va_list arguments;

	if (len + 3 >= ROW_TEXT_SIZE)
		return;
	if (len)
		len += (size_t)snprintf(out + len, ROW_TEXT_SIZE - len, "; ");
	va_start(arguments, how);
	(void)vsnprintf(out + len, ROW_TEXT_SIZE - len, how, arguments);
	va_end(arguments);
}

/* The reason without the advice that some have behind it, and the disk where the boot saw one. */
static void say_refusal(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	const char *reason =
		row->refusal == REASON_NONE ? "this boot refused it" : reason_text(row->refusal);
	struct text disk = row->refused_by_boot ? row->boot->detail : text_of("");

	(void)snprintf(out, ROW_TEXT_SIZE, "%.*s%s%.*s", (int)strcspn(reason, ":;"), reason,
		       disk.len ? ": " : "", (int)disk.len, disk.at);
}

/* How it came to be in a state that is not what the policy wants, or "". */
static const char *say_state(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	bool bind = row->verdict.kind == VERDICT_BIND;

	out[0] = '\0';
	switch (row->state) {
	case STATE_HOST:
	case STATE_VFIO:
	case DEVICE_STATES:
		break;
	case STATE_PENDING:
		if (bind && trial_is_off(&row->view->trial))
			return "the trial is over (vfio-bind update)";
		if (row->no_group)
			return "vfio takes nothing without an IOMMU group: vfio-bind check";
		if (row->image)
			return ""; /* say_image() does */
		if (bind && row->device->is_virtual)
			return "bound when it is made anew";
		if (view_needs_image(row->view))
			return "rebuild the image (vfio-bind update)";
		return bind ? "the next boot binds it" : "the next boot leaves it to the host";
	case STATE_DRIFT:
		if (!row->failure.len)
			return "the boot bound it, and it was taken back since";
		(void)snprintf(out, ROW_TEXT_SIZE, "%.*s", (int)row->failure.len, row->failure.at);
		break;
	case STATE_REFUSED:
		say_refusal(row, out);
		break;
	case STATE_FOREIGN:
		return "neither the boot nor a rule bound it";
	}
	return out;
}

static void say_sharing(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	const struct judgement *judged = &row->view->host->judged;
	char address[ADDRESS_SIZE], all[8 * ADDRESS_SIZE] = "";
	size_t other = 0, len = 0;

	if (row->verdict.kind != VERDICT_BIND)
		return;
	while ((other = plan_group_shared(&judged->plan, &judged->inventory, row->index, other)) !=
	       NO_DEVICE) {
		(void)address_format(judged->inventory.devices[other++].address, address);
		if (len + ADDRESS_SIZE + 2 < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
						len ? ", " : "", address);
	}
	if (len)
		add_phrase(out, "group shared with %s", all);
}

/* How it differs from those that look the same. */
static void say_twin(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	const struct device *device = row->device;
	char slot[SLOT_NAME_SIZE], path[PATH_SIZE], dsn[DSN_SIZE];
	bool has_dsn = (device->known & FACT_DSN) && device->dsn;

	if (!row->twins)
		return;
	(void)slot_text(row, slot);
	add_phrase(out, "%u of %u twins%s%s", row->twin, row->twins, slot[0] ? ", slot " : "",
		   slot);
	if (!slot[0] && !has_dsn) {
		(void)path_format(&row->view->host->judged.inventory, row->index, path);
		add_phrase(out, "path=%s", path);
	}
	dsn_format(device->dsn, dsn);
	if (has_dsn)
		add_phrase(out, "dsn=%s", dsn);
}

static void say_leader(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	char address[ADDRESS_SIZE];

	if (row->leader == NO_DEVICE)
		return;
	(void)address_format(row->view->host->judged.inventory.devices[row->leader].address,
			     address);
	add_phrase(out, "goes with %s", address);
}

/* What the image will do that /etc does not want, and the next step. */
static void say_image(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	const struct images *images = &row->view->images;
	const struct model_row *image = row->image;
	char remedy[IMAGE_REMEDY_SIZE];
	const char *why;

	if (!image || row->no_group || trial_is_off(&row->view->trial))
		return;
	why = image->done.kind == VERDICT_REFUSE ? reason_token(image->done.reason) :
	      image->done.kind == VERDICT_KEEP   ? "a keep rule in it" :
	      images->forecast->off              ? images->forecast->words :
						   "no rule in it";
	if (image->refused)
		add_phrase(out, "the image does not tell vfio " NOIOMMU_PARAMETER "=1");
	else if (image->done.kind == VERDICT_BIND && !image->driver[0])
		add_phrase(out, "the image does not have its driver");
	else if (image->done.kind == VERDICT_BIND)
		add_phrase(out, "the image gives it to %s, which /etc does not want",
			   image->driver);
	else
		add_phrase(out, "the image leaves it to the host (%s)", why);
	if (!images->forecast->off)
		add_phrase(out, "rebuild it: %s", images_remedy(images, remedy));
}

/* Somebody else's setting that is against the policy. */
static void say_taker(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	bool bind = row->verdict.kind == VERDICT_BIND;
	const struct takers *takers = &row->view->takers;
	const char *place = bind ? giver_of(takers, row->index) : taker_of(takers, row->index);

	if (place)
		add_phrase(out, "%s names it for %s: vfio-bind check", place,
			   bind ? "the host" : "vfio-pci");
}

const char *note_text(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	char said[ROW_TEXT_SIZE];
	const char *state = say_state(row, said);
	const struct need *note = NULL;
	size_t len = 0;

	out[0] = '\0';
	/* "root, swap, boot display". */
	while (len < ROW_TEXT_SIZE / 2 &&
	       (note = needs_next(&row->view->notes.needs, row->index, note))) {
		size_t start = len;

		len += (size_t)snprintf(out + len, ROW_TEXT_SIZE - len, "%s%s", len ? ", " : "",
					need_word(note));
		if (note->why != FOR_MOUNT)
			for (char *dash = out + start; (dash = strchr(dash, '-'));)
				*dash = ' ';
	}
	if (state[0])
		add_phrase(out, "%s: %s", state_name(row->state), state);
	say_image(row, out);
	if (row->verdict.kind == VERDICT_KEEP)
		add_phrase(out, "kept by a rule");
	say_taker(row, out);
	say_leader(row, out);
	say_sharing(row, out);
	say_twin(row, out);
	return out;
}

const char *detail_text(const struct device_row *row, char out[ROW_TEXT_SIZE])
{
	char said[ROW_TEXT_SIZE];
	const char *state = say_state(row, said);

	out[0] = '\0';
	if (row->rule)
		add_phrase(out, "%.*s:%u", (int)row->rule->file.len, row->rule->file.at,
			   row->rule->line);
	else if (row->boot && row->boot->rule.len) /* the rule may be gone since */
		add_phrase(out, "%.*s", (int)row->boot->rule.len, row->boot->rule.at);
	if (row->state == STATE_VFIO && (!row->boot || row->boot->verdict != VERDICT_BIND))
		state = "bound since this boot began";
	else if (row->state == STATE_VFIO)
		state = row->boot->late ? "bound when it came, after the boot" :
					  "bound in this boot";
	if (state[0])
		add_phrase(out, "%s", state);
	say_image(row, out);
	if (row->refused_by_boot && row->refusal != REASON_NONE)
		add_phrase(out, "%s", guard_remedy(row->refusal));
	say_taker(row, out);
	say_leader(row, out);
	return out;
}
