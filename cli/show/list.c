/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind list: the devices by IOMMU group, who has them, and who will. */
#include "base/arguments.h"
#include "base/table.h"
#include "host/mistakes.h"
#include "view.h"

#include <libsmartcols.h>
#include <string.h>

static const struct table_column columns[] = {
	{ "ADDRESS", "address", 14, 0, SHOW_ALWAYS },
	{ "CLASS", "class", 5, 0, SHOW_ROOMY },
	{ "ID", "id", 9, 0, SHOW_ROOMY },
	{ "NAME", "name", 0.25, SCOLS_FL_TRUNC, SHOW_ALWAYS },
	{ "DRIVER", "driver", 8, SCOLS_FL_TRUNC, SHOW_ALWAYS },
	{ "NEXT", "driver_next", 8, SCOLS_FL_TRUNC, SHOW_ALWAYS },
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

static const struct table tree = { columns, ARRAY_SIZE(columns), "group", "group" };
static const struct table flat = { columns, ARRAY_SIZE(columns), NULL, NULL };

static const char *colour_of(struct json_object *device)
{
	const char *state = json_get_string(device, "state");

	if (!strcmp(state, "vfio"))
		return "green";
	if (!strcmp(state, "pending") || !strcmp(state, "foreign"))
		return "brown"; /* which terminals show as yellow */
	return !strcmp(state, "drift") || !strcmp(state, "refused") ? "red" : "";
}

/* What a person can do something about: no rule takes a bridge. */
static struct json_object *rows_of(struct json_object *devices, bool all)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(devices); i++) {
		struct json_object *device = json_object_array_get_idx(devices, i);

		if (!all && json_object_get_boolean(json_object_object_get(device, "bridge")))
			continue;
		json_add_string(device, "colour", colour_of(device));
		(void)json_object_array_add(rows, json_object_get(device));
	}
	return rows;
}

static int print_table(const struct options *options, struct json_object *devices, bool all)
{
	struct json_object *rows = rows_of(devices, all);
	int code = table_print(options->raw || options->columns ? &flat : &tree, rows, options);

	(void)json_object_put(rows);
	return code;
}

static int print_list(const struct options *options, struct view *view, bool all)
{
	const struct judgement *judged = &view->host->judged;
	int code = judged->diag.mistakes ? EXIT_USAGE : EXIT_AS_CONFIGURED, printed = code;
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();

	for (size_t i = 0; i < judged->inventory.count; i++)
		(void)json_object_array_add(devices, view_device(view, i));
	json_add_string(object, "result", exit_word((enum exit_code)code));
	(void)json_object_object_add(object, "mistakes", mistakes_array(view->host));
	(void)json_object_object_add(object, "devices", devices);
	if (options->json)
		json_print(object);
	else
		printed = print_table(options, devices, all);
	(void)json_object_put(object);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

int command_list(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "all", no_argument, NULL, 'a' } };
	bool all = false;
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = arguments_flag,
		.context = &all,
		.usage = "[--all]",
	};
	int code = arguments_take(options, &arguments, argc, argv);
	struct view *view;

	if (code >= 0)
		return code;
	view = view_read(options, &code);
	if (!view)
		return code;
	code = print_list(options, view, all);
	view_free(view);
	return code;
}
