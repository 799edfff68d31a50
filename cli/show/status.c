/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind status: what this boot did, what holds now, and what the next boot will change. */
#include "base/arguments.h"
#include "base/table.h"
#include "status_boot.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

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

static const struct table table = { columns, ARRAY_SIZE(columns), NULL, NULL };

/* What became of the policy, all devices together. */
struct sums {
	size_t states[STATE_FOREIGN + 1];
	bool unmet; /* count=, a serial number or `required` */
};

static const char *status_word(enum state state, enum verdict_kind verdict)
{
	switch (state) {
	case STATE_HOST:
		return verdict == VERDICT_KEEP ? "kept" : "host";
	case STATE_VFIO:
		return "as configured";
	case STATE_PENDING:
	case STATE_DRIFT:
	case STATE_REFUSED:
	case STATE_FOREIGN:
		return state_name(state);
	}
	return "?";
}

static const char *colour_of(enum state state)
{
	switch (state) {
	case STATE_HOST:
		return "";
	case STATE_VFIO:
		return "green";
	case STATE_PENDING:
	case STATE_FOREIGN:
		return "brown"; /* which terminals show as yellow */
	case STATE_DRIFT:
	case STATE_REFUSED:
		return "red";
	}
	return "";
}

/* A device the policy, this boot or somebody else has to do with. */
static bool is_shown(const struct view *view, size_t index, enum state state)
{
	return view->last.rows[index].verdict != VERDICT_NONE || state == STATE_FOREIGN ||
	       plan_verdict(&view->host->judged.plan, index).kind != VERDICT_NONE;
}

/* The first phrase of a device's note that begins so, without that beginning. */
static struct text find_phrase(const char *note, const char *begin)
{
	const char *at = strstr(note, begin);
	struct text rest = text_of(at ? at + strlen(begin) : ""), phrase = { "", 0 };
	const char *end = strstr(rest.at, "; ");

	phrase.at = rest.at;
	phrase.len = end ? (size_t)(end - rest.at) : rest.len;
	return phrase;
}

/* What is to be said of the device beside its rule. */
static struct text say_state(const struct view *view, size_t index, enum state state,
			     const char *note)
{
	switch (state) {
	case STATE_HOST:
		break;
	case STATE_VFIO:
		return text_of(view->last.rows[index].verdict == VERDICT_BIND ?
				       "bound in this boot" :
				       "bound since this boot began");
	case STATE_PENDING:
		return find_phrase(note, "pending: ");
	case STATE_DRIFT:
		return find_phrase(note, "drift: ");
	case STATE_REFUSED:
		return find_phrase(note, "refused: ");
	case STATE_FOREIGN:
		return find_phrase(note, "foreign: ");
	}
	return text_of("");
}

static void add_detail(struct json_object *row, const struct view *view, size_t index,
		       enum state state, const char *note)
{
	struct text said = say_state(view, index, state, note), rule = view->last.rows[index].rule;
	const char *leader = json_get_string(row, "with"), *own = json_get_string(row, "rule");

	/* The rule that bound it in this boot may be gone. */
	if (own[0])
		rule = text_of(own);
	if (!rule.at)
		rule = text_of("");
	json_add_format(row, "detail", "%.*s%s%.*s%s%s", (int)rule.len, rule.at,
			rule.len && said.len ? "; " : "", (int)said.len, said.at,
			leader[0] ? "; goes with " : "", leader);
}

static void add_boot(struct json_object *row, const struct last_row *last)
{
	struct json_object *object = NULL;

	if (last->verdict != VERDICT_NONE) {
		object = json_object_new_object();
		json_add_string(object, "verdict", verdict_token(last->verdict));
		json_add_text(object, "rule", last->rule);
		json_add_text(object, "detail", last->detail);
	}
	(void)json_object_object_add(row, "boot", object);
}

static struct json_object *device_row(struct view *view, size_t index, enum state state)
{
	static const char *const keys[] = { "address", "class",       "id",    "name",
					    "driver",  "driver_next", "state", "verdict",
					    "reason",  "rule",        "with" };
	struct json_object *device = view_device(view, index), *row = json_object_new_object();
	enum verdict_kind verdict = plan_verdict(&view->host->judged.plan, index).kind;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		(void)json_object_object_add(
			row, keys[i], json_object_get(json_object_object_get(device, keys[i])));
	json_add_string(row, "status", status_word(state, verdict));
	add_detail(row, view, index, state, json_get_string(device, "note"));
	add_boot(row, &view->last.rows[index]);
	(void)json_object_put(device);
	return row;
}

static struct json_object *device_rows(struct view *view, struct sums *sums, bool coloured)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		enum state state = device_state(view->host, &view->last, i);
		struct json_object *row;

		sums->states[state]++;
		if (!is_shown(view, i, state))
			continue;
		row = device_row(view, i, state);
		if (coloured)
			json_add_string(row, "colour", colour_of(state));
		(void)json_object_array_add(rows, row);
	}
	return rows;
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
		enum reason reason = judged->plan.findings[r].reason;
		struct json_object *row;

		if (reason == REASON_NONE)
			continue;
		row = json_object_new_object();
		json_add_place(row, "rule", rule);
		json_add_string(row, "reason", reason_token(reason));
		json_add_string(row, "detail", reason_text(reason));
		(void)json_object_array_add(rows, row);
		sums->unmet |= is_unmet(reason);
	}
	return rows;
}

static int code_of(const struct view *view, const struct sums *sums, bool configured)
{
	const struct last_boot *last = &view->last;
	bool without = !view->host->from_file && !last->found && !images_have_ours(&view->images);

	if (view->host->judged.diag.mistakes)
		return EXIT_USAGE;
	if (sums->states[STATE_DRIFT])
		return EXIT_DRIFT;
	if (sums->states[STATE_PENDING] || last->policy_differs ||
	    images_are_stale(&view->images) || (configured && without))
		return EXIT_PENDING;
	if (!configured)
		return EXIT_NOT_CONFIGURED;
	if (sums->states[STATE_REFUSED])
		return EXIT_GUARDED;
	return sums->unmet ? EXIT_FAILED : EXIT_AS_CONFIGURED;
}

static void print_strings(struct json_object *array)
{
	for (size_t i = 0; i < json_object_array_length(array); i++)
		(void)puts(json_object_get_string(json_object_array_get_idx(array, i)));
}

static void print_rules(struct json_object *rules)
{
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);

		(void)printf("%s binds nothing: %s\n", json_get_string(rule, "rule"),
			     json_get_string(rule, "detail"));
	}
}

/* Columns that were asked for come alone. */
static int print_text(const struct options *options, struct json_object *object)
{
	struct json_object *devices = json_object_object_get(object, "devices");
	bool alone = options->raw || options->columns;
	int code = EXIT_AS_CONFIGURED;

	if (!alone)
		print_strings(json_object_object_get(object, "messages"));
	(void)fflush(stdout); /* libsmartcols writes on its own */
	if (alone || json_object_array_length(devices))
		code = table_print(&table, devices, options);
	if (!alone)
		print_rules(json_object_object_get(object, "rules"));
	return code;
}

static int print_status(const struct options *options, struct view *view)
{
	struct json_object *object = json_object_new_object();
	bool configured = policy_says_anything(&view->host->judged.policy);
	struct sums sums = { 0 };
	struct json_object *devices = device_rows(view, &sums, !options->json);
	struct json_object *rules = rule_rows(view, &sums);
	int code = code_of(view, &sums, configured), printed = EXIT_AS_CONFIGURED;

	if (view->host->judged.diag.mistakes)
		configured = true;
	json_add_string(object, "result", exit_word((enum exit_code)code));
	(void)json_object_object_add(object, "messages", boot_messages(view, configured));
	(void)json_object_object_add(object, "boot", boot_object(&view->last));
	(void)json_object_object_add(object, "images", image_rows(&view->images));
	(void)json_object_object_add(object, "devices", devices);
	(void)json_object_object_add(object, "rules", rules);
	if (options->json)
		json_print(object);
	else
		printed = print_text(options, object);
	(void)json_object_put(object);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

int command_status(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "" };
	int code = arguments_take(options, &none, argc, argv);
	struct view *view;

	if (code >= 0)
		return code;
	view = view_read(options, &code);
	if (!view)
		return code;
	code = print_status(options, view);
	view_free(view);
	return code;
}
