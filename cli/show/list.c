/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind list: the devices by IOMMU group, who has them, and who will. */
#include "base/arguments.h"
#include "base/table.h"
#include "device_row.h"
#include "guest.h"
#include "row_json.h"
#include "row_text.h"

#include <libsmartcols.h>
#include <stdio.h>

static const struct table_column columns[] = {
	{ "ADDRESS", "address", 14, 0, SHOW_ALWAYS },
	{ "CLASS", "class", 5, 0, SHOW_ALWAYS },
	{ "ID", "id", 9, 0, SHOW_ALWAYS },
	{ "NAME", "name", 4, SCOLS_FL_TRUNC, SHOW_ALWAYS },
	{ "DRIVER", "driver", 8, 0, SHOW_ALWAYS },
	{ "NEXT", "driver_next", 8, 0, SHOW_ALWAYS },
	{ "STATE", "state", 5, 0, SHOW_ASKED },
	{ "USE", "use", 4, 0, SHOW_ASKED },
	{ "NOTE", "note", 0.25, SCOLS_FL_WRAP, SHOW_ALWAYS },
	{ "GROUP", "group", 5, SCOLS_FL_RIGHT, SHOW_ASKED },
	{ "CODE", "class_code", 6, 0, SHOW_ASKED },
	{ "SUBSYSTEM", "subsystem", 9, 0, SHOW_ASKED },
	{ "VENDOR", "vendor", 0.2, SCOLS_FL_TRUNC, SHOW_ASKED },
	{ "DEVICE", "device", 0.2, SCOLS_FL_TRUNC, SHOW_ASKED },
	{ "SLOT", "slot", 4, 0, SHOW_ASKED },
	{ "LABEL", "label", 5, 0, SHOW_ASKED },
	{ "PATH", "path", 0.2, 0, SHOW_ASKED },
	{ "DSN", "dsn", 23, 0, SHOW_ASKED },
	{ "TWIN", "twin", 4, SCOLS_FL_RIGHT, SHOW_ASKED },
	{ "TWINS", "twins", 5, SCOLS_FL_RIGHT, SHOW_ASKED },
	{ "DISKS", "disks", 0.2, 0, SHOW_ASKED },
	{ "VERDICT", "verdict", 7, 0, SHOW_ASKED },
	{ "REASON", "reason", 8, 0, SHOW_ASKED },
	{ "RULE", "rule", 0.2, 0, SHOW_ASKED },
	{ "WITH", "with", 12, 0, SHOW_ASKED },
};

static const struct table tree = { columns, ARRAY_SIZE(columns), "group", "group", NULL };
static const struct table flat = { .columns = columns, .count = ARRAY_SIZE(columns) };

static const char *const keys[] = {
	"address", "class", "class_code", "id",     "subsystem",   "vendor",  "device",
	"name",    "group", "bridge",     "slot",   "label",       "path",    "dsn",
	"twin",    "twins", "disks",      "driver", "driver_next", "verdict", "reason",
	"rule",    "with",  "state",      "use",    "note",
};

/* A table has what a person can do something about: no rule takes a bridge. */
static int print_table(const struct options *options, struct view *view, bool all)
{
	static const char *colours[DEVICE_MAX];
	char sentence[TRIAL_SENTENCE_SIZE];
	struct table table = options->raw || options->columns ? flat : tree;
	struct json_object *rows = json_object_new_array();
	struct device_row row;
	size_t count = 0;
	int code;

	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		device_row(view, i, &row);
		if (!all && device_is_bridge(row.device))
			continue;
		(void)json_object_array_add(rows, row_json(&row, keys, ARRAY_SIZE(keys)));
		colours[count++] = state_colour(row.state);
	}
	table.colours = colours;
	if (!options->raw && !options->columns && view->trial.stage != TRIAL_IS_NONE)
		(void)puts(trial_sentence(&view->trial, sentence));
	(void)fflush(stdout); /* libsmartcols writes on its own */
	code = table_print(&table, rows, options);
	(void)json_object_put(rows);
	return code;
}

/* Of all devices, or of those that go to a guest. */
static void print_json(struct view *view, enum exit_code code, const struct guest *guest)
{
	const struct host *host = view->host;
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	struct device_row row;

	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		if (guest && !guest_has(guest, i))
			continue;
		device_row(view, i, &row);
		(void)json_object_array_add(devices, row_json(&row, keys, ARRAY_SIZE(keys)));
	}
	json_add_string(object, "result", exit_word(code));
	(void)json_object_object_add(object, "mistakes", mistakes_json(&host->mistakes));
	(void)json_object_object_add(object, "trial", trial_json(&view->trial));
	(void)json_object_object_add(object, "devices", devices);
	if (guest) {
		json_add_string(object, "for", guest_word(guest->program));
		(void)json_object_object_add(object, "lines", json_object_get(guest->lines));
	}
	json_print(object);
	(void)json_object_put(object);
}

/* With a mistake in the policy nothing goes to a guest. */
static int print_guest(const struct options *options, struct view *view, enum guest_program program,
		       const char *address)
{
	struct guest guest = { view->host, program, NO_DEVICE, json_object_new_array() };
	int code = mistakes_code(&view->host->mistakes);

	if (!view->host->mistakes.diag.mistakes)
		code = guest_lines(&guest, address);
	if (options->json)
		print_json(view, (enum exit_code)code, &guest);
	for (size_t i = 0; !options->json && i < json_object_array_length(guest.lines); i++)
		(void)puts(json_object_get_string(json_object_array_get_idx(guest.lines, i)));
	(void)json_object_put(guest.lines);
	return code;
}

static int print_all(const struct options *options, struct view *view, bool all)
{
	int code = EXIT_AS_CONFIGURED, printed = EXIT_AS_CONFIGURED;

	if (view->host->mistakes.diag.mistakes)
		code = mistakes_code(&view->host->mistakes);
	if (options->json)
		print_json(view, (enum exit_code)code, NULL);
	else
		printed = print_table(options, view, all);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

enum { OPTION_ALL = 'a', OPTION_FOR = 'f' };

struct asked {
	bool all, for_guest;
	enum guest_program program;
};

static int take(void *context, int option, const char *value)
{
	struct asked *asked = context;

	asked->all |= option == OPTION_ALL;
	if (option != OPTION_FOR)
		return -1;
	asked->for_guest = true;
	return guest_parse(value, &asked->program) ?
		       -1 :
		       complain(EXIT_USAGE, "--for %s: expected " GUEST_PROGRAMS, value);
}

int command_list(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "all", no_argument, NULL, OPTION_ALL },
					     { "for", required_argument, NULL, OPTION_FOR } };
	struct asked asked = { 0 };
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take,
		.table = &flat,
		.context = &asked,
		.max = 1,
		.usage = "[--all | --for " GUEST_PROGRAMS " ADDRESS]",
	};
	int code = arguments_take(options, &arguments, argc, argv);
	struct view *view;

	if (code >= 0)
		return code;
	if ((argc - optind == 1) != asked.for_guest || (asked.all && asked.for_guest))
		return complain(EXIT_USAGE, "usage: vfio-bind list %s", arguments.usage);
	view = view_read(options, &code);
	if (!view)
		return code;
	code = asked.for_guest ? print_guest(options, view, asked.program, argv[optind]) :
				 print_all(options, view, asked.all);
	mistakes_print(&view->host->mistakes);
	view_free(view);
	return code;
}
