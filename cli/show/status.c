/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind status: what this boot did, what holds now, and what the next boot will change. */
#include "base/arguments.h"
#include "base/table.h"
#include "earlier_boot.h"
#include "explain.h"
#include "override_gate.h"
#include "row_json.h"
#include "row_text.h"

#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct table_column columns[] = {
	{ "ADDRESS", "address", 12, 0, SHOW_ALWAYS },
	{ "DRIVER", "driver", 8, 0, SHOW_ALWAYS },
	{ "STATUS", "status", 13, 0, SHOW_ALWAYS },
	{ "DETAIL", "detail", 0.5, SCOLS_FL_WRAP, SHOW_ALWAYS },
	{ "CLASS", "class", 5, 0, SHOW_ASKED },
	{ "ID", "id", 9, 0, SHOW_ASKED },
	{ "NAME", "name", 0.25, 0, SHOW_ASKED },
	{ "NEXT", "driver_next", 8, 0, SHOW_ASKED },
	{ "STATE", "state", 5, 0, SHOW_ASKED },
	{ "RULE", "rule", 0.2, 0, SHOW_ASKED },
	{ "REASON", "reason", 8, 0, SHOW_ASKED },
	{ "WITH", "with", 12, 0, SHOW_ASKED },
};

static const struct table table = { .columns = columns, .count = ARRAY_SIZE(columns) };

static const char *const keys[] = {
	"address", "class",  "id",   "name", "driver", "driver_next", "state",
	"verdict", "reason", "rule", "with", "status", "detail",      "boot",
};

/* What became of the policy, all devices together. */
struct sums {
	size_t states[DEVICE_STATES];
	bool unmet; /* count=, a serial number or `required` */
	bool gated; /* a driver has not got a device that it was to have by driver_override */
};

/* The rows that are shown, and the colour of each. */
struct shown {
	struct json_object *rows;
	const char *colours[DEVICE_MAX];
	size_t count;
};

/* A device the policy, this boot or somebody else has to do with. */
static bool is_shown(const struct device_row *row)
{
	return row->boot || row->rule || row->image || row->state == STATE_FOREIGN;
}

/* What this boot refused or failed at, or what was undone since, comes first. */
static bool is_urgent(const struct device_row *row)
{
	return row->state == STATE_DRIFT || (row->state == STATE_REFUSED && row->boot);
}

static void show_rows(struct view *view, struct shown *shown, bool urgent)
{
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		struct device_row row;

		device_row(view, i, &row);
		if (!is_shown(&row) || is_urgent(&row) != urgent)
			continue;
		(void)json_object_array_add(shown->rows, row_json(&row, keys, ARRAY_SIZE(keys)));
		shown->colours[shown->count++] = state_colour(row.state);
	}
}

static bool is_unmet(enum reason reason)
{
	return reason == REASON_COUNT || reason == REASON_DSN || reason == REASON_REQUIRED;
}

/* Rules that bind nothing, and why. */
static struct json_object *rule_rows(const struct view *view, struct sums *sums)
{
	const struct judgement *judged = &view->host->judged;
	struct json_object *rows = json_object_new_array();

	for (size_t r = 0; r < judged->policy.rule_count; r++) {
		const struct rule *rule = &judged->policy.rules[r];
		enum reason reason = judged->plan.results[r].reason;
		struct json_object *row;
		char text[SENTENCE_SIZE];

		if (reason == REASON_NONE)
			continue;
		row = json_object_new_object();
		json_add_place(row, "rule", rule);
		json_add_string(row, "reason", reason_token(reason));
		json_add_string(row, "detail", say_unmet(view->host, r, text));
		(void)json_object_array_add(rows, row);
		sums->unmet |= is_unmet(reason);
	}
	return rows;
}

static struct json_object *image_row(const struct image *image)
{
	struct json_object *row = json_object_new_object();
	char when[32] = "";
	struct tm utc;

	json_add_string(row, "kernel", image->kernel->release);
	(void)json_object_object_add(row, "running",
				     json_object_new_boolean(image->kernel->running));
	(void)json_object_object_add(row, "next", json_object_new_boolean(image->next));
	json_add_string(row, "state", image_word(image->state));
	(void)json_object_object_add(row, "image",
				     image->path[0] ? json_format("/%s", image->path) : NULL);
	json_add_string(row, "detail", image->detail);
	if (image->built && gmtime_r(&image->built, &utc))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_add_string(row, "built", when);
	json_add_string(row, "version", image->stamp.version);
	return row;
}

static struct json_object *boot_object(const struct last_boot *last)
{
	struct json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "report", json_object_new_boolean(last->found));
	(void)json_object_object_add(object, "note",
				     last->note[0] ? json_text(text_of(last->note)) : NULL);
	(void)json_object_object_add(object, "other_policy",
				     json_object_new_boolean(last->policy_differs));
	(void)json_object_object_add(object, "ids_dropped",
				     json_object_new_boolean(last->ids_dropped));
	return object;
}

__attribute__((format(printf, 2, 3))) static void message(struct json_object *messages,
							  const char *how, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(text, sizeof(text), how, arguments);
	va_end(arguments);
	(void)json_object_array_add(messages, json_text(text_of(text)));
}

static void say_image(const struct image *image, bool configured, struct json_object *messages)
{
	const char *release = image->kernel->release;
	char remedy[IMAGE_REMEDY_SIZE];

	(void)image_remedy(image, remedy);
	switch (image->state) {
	case IMAGE_CURRENT:
	case IMAGE_STATES:
		break;
	case IMAGE_VERSION:
		message(messages, "The image of %s has another binder than is installed", release);
		break;
	case IMAGE_UNKNOWN:
	case IMAGE_UNREADABLE:
		if (configured)
			message(messages, "What the image of %s will do is not known: %s", release,
				image->detail);
		break;
	case IMAGE_OUTDATED:
	case IMAGE_WRONG:
		message(messages, "The image of %s will not do what /etc says (%s): %s", release,
			image->detail, remedy);
		break;
	case IMAGE_POLICY:
		message(messages, "The image of %s has another policy than /etc: %s", release,
			remedy);
		break;
	case IMAGE_NONE:
		if (configured && image->path[0])
			message(messages,
				"The image of %s has nothing of vfio-bind in it: vfio-bind update",
				release);
		break;
	}
}

static struct json_object *boot_messages(const struct view *view, const struct sums *sums,
					 bool configured)
{
	char word[OVERRIDE_GATE_SIZE];
	const struct last_boot *last = &view->last;
	struct json_object *messages = json_object_new_array();
	char text[TRIAL_SENTENCE_SIZE];

	if (!configured)
		message(messages, "There is no rule in /%s.", POLICY_FILE);
	if (!view->host->from_file && !last->found && configured)
		message(messages, "This boot went without vfio-bind%s",
			images_have_ours(&view->images) ? "; the next one has it" :
							  ": vfio-bind update");
	if (last->note[0])
		message(messages, "This boot: %s", last->note);
	if (view->trial.stage != TRIAL_IS_NONE)
		message(messages, "%s", trial_sentence(&view->trial, text));
	if (last->ids_dropped)
		message(messages, "This boot left out an ids= of vfio-pci: vfio-bind import");
	if (last->policy_differs)
		message(messages, "This boot went by another policy than /etc has now");
	if (sums->gated && override_gate(&view->host->judged.machine, word))
		message(messages, OVERRIDE_GATED_NEXT, word);
	for (size_t i = 0; i < view->images.count; i++)
		if (view->images.list[i].next)
			say_image(&view->images.list[i], configured, messages);
	if (view->images.forecast && view->images.forecast->words[0])
		message(messages, "The next boot: %s", view->images.forecast->words);
	return messages;
}

static int code_of(const struct view *view, const struct sums *sums, bool configured)
{
	if (view->host->mistakes.diag.mistakes)
		return mistakes_code(&view->host->mistakes);
	if (trial_is_off(&view->trial))
		return EXIT_FAILED;
	if (sums->states[STATE_DRIFT])
		return EXIT_DRIFT;
	if (sums->states[STATE_PENDING] || view->last.policy_differs ||
	    (configured ? view_needs_image(view) : images_are_stale(&view->images)))
		return EXIT_PENDING;
	if (!configured)
		return EXIT_NOT_CONFIGURED;
	if (sums->states[STATE_REFUSED])
		return EXIT_GUARDED;
	return sums->unmet ? EXIT_FAILED : EXIT_AS_CONFIGURED;
}

/* Columns that were asked for come alone. */
static int print_text(const struct options *options, struct json_object *messages,
		      const struct shown *shown, const struct host *host)
{
	bool alone = options->raw || options->columns;
	struct table coloured = table;
	int code = EXIT_AS_CONFIGURED;

	coloured.colours = shown->colours;
	for (size_t i = 0; !alone && i < json_object_array_length(messages); i++)
		(void)puts(json_object_get_string(json_object_array_get_idx(messages, i)));
	(void)fflush(stdout); /* libsmartcols writes on its own */
	if (alone || shown->count)
		code = table_print(&coloured, shown->rows, options);
	for (size_t r = 0; !alone && r < host->judged.policy.rule_count; r++) {
		const struct rule *rule = &host->judged.policy.rules[r];
		char text[SENTENCE_SIZE];

		if (host->judged.plan.results[r].reason != REASON_NONE)
			(void)printf("%.*s:%u %s: %s\n", (int)rule->file.len, rule->file.at,
				     rule->line, rule_does_nothing(rule), say_unmet(host, r, text));
	}
	return code;
}

static int print_status(const struct options *options, struct view *view)
{
	static struct shown shown;
	struct json_object *object = json_object_new_object(), *messages, *rules;
	struct json_object *images = json_object_new_array();
	bool configured = policy_says_anything(&view->host->judged.policy);
	struct sums sums = { 0 };
	int code, printed = EXIT_AS_CONFIGURED;

	shown = (struct shown){ .rows = json_object_new_array() };
	show_rows(view, &shown, true);
	show_rows(view, &shown, false);
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		struct device_row row;

		device_row(view, i, &row);
		sums.states[row.state]++;
		/* The boot named what lifts the kernel's refusal: see report_failure(). */
		sums.gated |= row.failure.len && memmem(row.boot->detail.at, row.boot->detail.len,
							OVERRIDE_GATE, strlen(OVERRIDE_GATE));
	}
	rules = rule_rows(view, &sums);
	code = code_of(view, &sums, configured);
	messages = boot_messages(view, &sums, configured || view->host->mistakes.diag.mistakes);
	json_add_string(object, "result", exit_word((enum exit_code)code));
	(void)json_object_object_add(object, "messages", messages);
	(void)json_object_object_add(object, "boot", boot_object(&view->last));
	(void)json_object_object_add(object, "trial", trial_json(&view->trial));
	for (size_t i = 0; i < view->images.count; i++)
		(void)json_object_array_add(images, image_row(&view->images.list[i]));
	(void)json_object_object_add(object, "images", images);
	(void)json_object_object_add(object, "devices", shown.rows);
	(void)json_object_object_add(object, "rules", rules);
	if (options->json)
		json_print(object);
	else
		printed = print_text(options, messages, &shown, view->host);
	(void)json_object_put(object);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

/* --boot=-N, which is how journalctl(1) names it. */
static int take_option(void *context, int option, const char *value)
{
	uint32_t *before = context;

	(void)option; /* there is but one */
	if (value[0] != '-' || !text_number(text_of(value + 1), EARLIER_BOOTS_MAX, before) ||
	    !*before)
		return complain(EXIT_USAGE, "--boot=%s: expected -1 for the boot before this one",
				value);
	return -1;
}

int command_status(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "boot", required_argument, NULL, 'b' } };
	uint32_t before = 0;
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take_option,
		.context = &before,
		.usage = "[--boot=-N]",
		.table = &table,
	};
	int code = arguments_take(options, &arguments, argc, argv);
	struct view *view;

	if (code >= 0)
		return code;
	if (before) {
		code = arguments_need_machine(options, "--boot", NULL);
		return code >= 0 ? code : earlier_boot_print(options, &table, before);
	}
	view = view_read(options, &code);
	if (!view)
		return code;
	code = print_status(options, view);
	mistakes_print(&view->host->mistakes);
	view_free(view);
	return code;
}
