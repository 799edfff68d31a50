/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edit_command.h"
#include "guard.h"
#include "host/identity.h"
#include "host/read_host.h"
#include "host/what_if.h"
#include "show/explain.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The line add writes: bind, and what finds the device again. */
#define RULE_SIZE (IDENTITY_SIZE + 8)

static const struct device *device_of(const struct editing *editing, size_t index)
{
	return &editing->host->judged.inventory.devices[index];
}

static const char *address_of(const struct editing *editing, size_t index, char out[ADDRESS_SIZE])
{
	(void)address_format(device_of(editing, index)->address, out);
	return out;
}

/* How another device of the same id stands. */
enum standing {
	STANDING_HOSTS,
	STANDING_CHOSEN,
	STANDING_FREE,
	STANDING_UNKNOWN, /* nobody can say what the host lives on */
};

static enum standing standing_of(struct host *host, size_t index)
{
	if (lives_on(host, index))
		return STANDING_HOSTS;
	if (plan_verdict(&host->judged.plan, index).kind == VERDICT_BIND)
		return STANDING_CHOSEN;
	return host->judged.protect.unknown ? STANDING_UNKNOWN : STANDING_FREE;
}

static void note_those(struct editing *editing, enum standing standing, const char *what)
{
	char text[SENTENCE_SIZE] = "", address[ADDRESS_SIZE];
	size_t twin = identity_twin(editing->host, editing->index, 0), len = 0;

	while (twin != NO_DEVICE && len + ADDRESS_SIZE + 4 < sizeof(text)) {
		if (standing_of(editing->host, twin) == standing)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						len ? ", " : "",
						address_of(editing, twin, address));
		twin = identity_twin(editing->host, editing->index, twin + 1);
	}
	if (len)
		editing_note(editing, "%s: %s", what, text);
}

/* What a VMD controller takes along: it is one device with all that is below its root buses. */
static void note_below(struct editing *editing, struct address controller)
{
	const struct inventory *inventory = &editing->host->judged.inventory;
	char text[SENTENCE_SIZE] = "", address[ADDRESS_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < inventory->count && len + ADDRESS_SIZE + 2 < sizeof(text); i++) {
		const struct device *device = &inventory->devices[i];

		if (!device->below_function || !address_equal(device->below, controller) ||
		    device_is_bridge(device))
			continue;
		(void)address_format(device->address, address);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
					address);
	}
	(void)address_format(controller, address);
	if (len)
		editing_note(editing, "With %s goes all that is behind it: %s.", address, text);
}

/* What else could be done about a refusal. */
static void note_way_out(struct editing *editing, enum reason reason, const char *rule)
{
	bool last = reason == REASON_LAST_DISPLAY ||
		    !host_keeps_screen_beside(editing->host, editing->index);

	if (reason == REASON_HOST_STORAGE || reason == REASON_HOST_NETWORK ||
	    reason == REASON_HOST_INPUT) {
		/* All devices of the same id: one of them may have been meant. */
		note_those(editing, STANDING_FREE, "Free ones of its kind");
		note_those(editing, STANDING_UNKNOWN, "Others of its kind, perhaps the host's too");
		note_those(editing, STANDING_CHOSEN, "Others of its kind that are chosen already");
		note_those(editing, STANDING_HOSTS, "Others of its kind that the host uses too");
	}
	if (reason == REASON_BEHIND_VMD) {
		char address[ADDRESS_SIZE];
		size_t controller;

		(void)address_format(device_of(editing, editing->index)->below, address);
		controller = inventory_find(&editing->host->judged.inventory,
					    device_of(editing, editing->index)->below);
		if (controller != NO_DEVICE && lives_on(editing->host, controller))
			editing_note(editing,
				     "It cannot be parted from its VMD controller %s, on which "
				     "the host lives: turn VMD off in the firmware's setup.",
				     address);
		else
			editing_note(editing,
				     "It cannot be parted from its VMD controller. To give both "
				     "away: vfio-bind add %s; or turn VMD off in the firmware's "
				     "setup.",
				     address);
		note_below(editing, device_of(editing, editing->index)->below);
	}
	if (reason != REASON_BOOT_DISPLAY && reason != REASON_LAST_DISPLAY)
		return;
	if (!last)
		editing_note(editing,
			     "Which card that is depends on the monitor: boot once with it "
			     "plugged into another, then add this one.");
	editing_note(editing,
		     "To take it all the same, write this line yourself:\n  %s "
		     "allow=%s-display",
		     rule, last ? "last" : "boot");
}

static int refuse(struct editing *editing, const char *rule)
{
	struct host *host = editing->host;
	struct verdict verdict = plan_verdict(&host->judged.plan, editing->index);
	char address[ADDRESS_SIZE], place[CHANGE_PLACE_SIZE] = "", detail[SENTENCE_SIZE];

	(void)address_of(editing, editing->index, address);
	json_add_string(editing->object, "verdict", verdict_token(verdict.kind));
	json_add_string(editing->object, "reason", reason_token(verdict.reason));
	if (verdict.kind == VERDICT_KEEP) {
		change_place(&host->judged.policy.rules[verdict.rule], place);
		json_add_string(editing->object, "detail", place);
		return complain(EXIT_GUARDED, "%s would be kept: %s says so", address, place);
	}
	if (verdict.kind != VERDICT_REFUSE)
		return complain(EXIT_FAILED, "%s: no rule would find it", address);
	json_add_string(editing->object, "detail",
			say_guard(host, verdict.reason, editing->index, detail));
	note_way_out(editing, verdict.reason, rule);
	return complain(EXIT_GUARDED, "%s would be refused (%s): %s", address,
			reason_token(verdict.reason),
			detail[0] ? detail : reason_text(verdict.reason));
}

/* The screen that is known to show the boot's picture, or NO_DEVICE. */
static size_t find_picture(struct host *host)
{
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		if (decide_picture(&host->decision, i) == PICTURE_YES)
			return i;
	return NO_DEVICE;
}

/* The verdict on a screen depends on where the monitor is plugged in: say so. */
static void note_picture(struct editing *editing)
{
	char address[ADDRESS_SIZE], other[ADDRESS_SIZE], text[SENTENCE_SIZE];
	struct host *host = editing->host;
	size_t picture;

	if (!display_has_screen(&editing->host->judged.inventory, editing->index))
		return;
	(void)address_of(editing, editing->index, address);
	picture = find_picture(host);
	if (picture == NO_DEVICE)
		editing_note(editing,
			     "Nobody can tell which card shows the boot's picture. If it is %s, "
			     "the screen goes dark when it is bound.",
			     address);
	else
		editing_note(editing,
			     "This depends on the monitor: %s is %s. With the monitor on %s "
			     "at boot, that one stays with the host.",
			     address_of(editing, picture, other),
			     say_selector(host, SELECT_BOOT_DISPLAY, picture, text), address);
}

static void note_group(struct editing *editing)
{
	struct host *host = editing->host;
	const struct inventory *inventory = &host->judged.inventory;
	char text[SENTENCE_SIZE] = "", address[ADDRESS_SIZE];
	size_t i = 0, len = 0;

	for (;;) {
		i = plan_group_shared(&host->judged.plan, inventory, editing->index, i);
		if (i == NO_DEVICE || len + ADDRESS_SIZE + 4 > sizeof(text))
			break;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
					address_of(editing, i++, address));
	}
	if (len)
		editing_note(editing,
			     "Its IOMMU group has also %s, which the host keeps: no guest can have "
			     "it before those are bound or without a driver.",
			     text);
}

/* What was bound before shall not be lost by this. */
static int find_lost(struct editing *editing, const bool *was_bound)
{
	const struct plan *plan = &editing->host->judged.plan;
	char address[ADDRESS_SIZE];

	for (size_t i = 0; i < editing->host->judged.inventory.count; i++)
		if (was_bound[i] && plan_verdict(plan, i).kind != VERDICT_BIND)
			return complain(EXIT_GUARDED, "with it, %s would not be bound any more: %s",
					address_of(editing, i, address),
					reason_text(plan_verdict(plan, i).reason));
	return EXIT_AS_CONFIGURED;
}

static int say_bound(struct editing *editing, struct verdict verdict)
{
	const struct rule *rule = &editing->host->judged.policy.rules[verdict.rule];
	char address[ADDRESS_SIZE], place[CHANGE_PLACE_SIZE];

	change_place(rule, place);
	json_add_string(editing->object, "verdict", verdict_token(verdict.kind));
	json_add_string(editing->object, "reason", reason_token(verdict.reason));
	json_add_string(editing->object, "rule", place);
	editing_say(editing, "%s is chosen already by %s",
		    address_of(editing, editing->index, address), place);
	return EXIT_AS_CONFIGURED;
}

/* Judges with the rule, and if the device is bound then, writes it below its comment. */
static int write_rule(struct editing *editing, char rule[RULE_SIZE], const bool *was_bound)
{
	char comment[2 * TITLE_SIZE + 32], title[TITLE_SIZE], with[TITLE_SIZE];
	struct host *host = editing->host;
	struct verdict verdict;
	int code;

	if (whatif_add(host, text_of(rule), 0) == NO_RULE)
		return EXIT_USAGE;
	code = host_judge(host, AT_BOOT);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	verdict = plan_verdict(&host->judged.plan, editing->index);
	if (verdict.kind != VERDICT_BIND)
		return refuse(editing, rule);
	code = find_lost(editing, was_bound);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	(void)identity_companions(host, editing->index, with);
	(void)snprintf(comment, sizeof(comment), "# %s%s " ADD_MARK,
		       identity_title(host, editing->index, title), with);
	(void)change_append(&editing->change, comment);
	json_add_format(editing->object, "rule", "/" POLICY_FILE ":%u",
			change_append(&editing->change, rule));
	json_add_string(editing->object, "verdict", verdict_token(verdict.kind));
	json_add_string(editing->object, "reason", reason_token(verdict.reason));
	return editing_write(editing);
}

static int add(struct editing *editing)
{
	struct verdict verdict = plan_verdict(&editing->host->judged.plan, editing->index);
	static char rule[RULE_SIZE], identity[IDENTITY_SIZE];
	static bool was_bound[DEVICE_MAX];
	int code;

	if (verdict.kind == VERDICT_BIND)
		return say_bound(editing, verdict);
	for (size_t i = 0; i < editing->host->judged.inventory.count; i++)
		was_bound[i] = plan_verdict(&editing->host->judged.plan, i).kind == VERDICT_BIND;
	(void)snprintf(rule, sizeof(rule), "bind %s",
		       identity_format(editing->host, editing->index, identity));
	code = change_open(&editing->change, editing->host, text_of("/" POLICY_FILE));
	if (code == EXIT_AS_CONFIGURED)
		code = write_rule(editing, rule, was_bound);
	change_close(&editing->change);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	note_picture(editing);
	note_below(editing, device_of(editing, editing->index)->address);
	note_group(editing);
	/* Serial numbers lie in the part of config space that only root reads: pci(5), lspci(8). */
	if (editing->host->judged.machine.live && !editing->host->from_file && geteuid() != 0)
		editing_note(editing, "Only root can read serial numbers: as root the rule may "
				      "name one.");
	editing_say_written(editing);
	return code;
}

int command_add(struct options *options, int argc, char *argv[])
{
	return editing_run(options, argc, argv, EDITS_DEVICE, add);
}
