/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edit_command.h"

#include "base/arguments.h"
#include "host/find_device.h"
#include "host/identity.h"
#include "host/read_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 2048

static const struct option own_options[] = { { "dry-run", no_argument, NULL, 'n' } };

/* Adds to the array under key, and an array first where there is none. */
static void add_to(struct json_object *object, const char *key, struct json_object *item)
{
	struct json_object *array = json_object_object_get(object, key);

	if (!array) {
		array = json_object_new_array();
		(void)json_object_object_add(object, key, array);
	}
	(void)json_object_array_add(array, item);
}

__attribute__((format(printf, 3, 0))) static void
add_sentence(struct json_object *object, const char *key, const char *how, va_list arguments)
{
	char text[TEXT_SIZE];

	(void)vsnprintf(text, sizeof(text), how, arguments);
	add_to(object, key, json_object_new_string(text));
}

void editing_note(struct editing *editing, const char *how, ...)
{
	va_list arguments;

	va_start(arguments, how);
	add_sentence(editing->object, "notes", how, arguments);
	va_end(arguments);
}

void editing_say(struct editing *editing, const char *how, ...)
{
	va_list arguments;

	va_start(arguments, how);
	add_sentence(editing->object, "text", how, arguments);
	va_end(arguments);
}

bool lives_on(struct host *host, size_t index)
{
	static const enum use uses[] = { USE_STORAGE, USE_NETWORK, USE_INPUT };
	bool wants_dsn;

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (protect_find(&host->judged.protect, &host->judged.inventory, index, uses[i],
				 &wants_dsn))
			return true;
	return false;
}

void editing_say_written(struct editing *editing)
{
	editing_say(editing, editing->dry_run ? "not written: a dry run" :
						"written. It takes effect with the next image: "
						"vfio-bind update");
}

int editing_write(struct editing *editing)
{
	int code =
		editing->dry_run ? change_fits(&editing->change) : change_write(&editing->change);

	if (code != EXIT_AS_CONFIGURED)
		return code;
	(void)json_object_object_add(editing->object, "written",
				     json_object_new_boolean(!editing->dry_run));
	add_to(editing->object, "files", change_json(&editing->change));
	return code;
}

/* FILE:LINE, as verdicts name a rule. */
static bool is_place(const struct rule *rule, const char *what)
{
	char place[CHANGE_PLACE_SIZE];

	change_place(rule, place);
	return !strcmp(place, what);
}

/* True if the rule names one address, and that is not there. */
static bool names_gone(const struct host *host, const struct rule *rule, const char *what)
{
	const struct values *values = &rule->select[SELECT_ADDRESS];
	const union value *value = &host->judged.policy.values[values->first];
	struct address address;

	return values->count == 1 && !value->address.any_function &&
	       address_parse(text_of(what), &address) &&
	       address_equal(address, value->address.at) &&
	       inventory_find(&host->judged.inventory, address) == NO_DEVICE;
}

static bool find_rule(struct editing *editing, const char *what)
{
	const struct policy *policy = &editing->host->judged.policy;

	for (size_t r = 0; r < policy->rule_count; r++) {
		if (!is_place(&policy->rules[r], what) &&
		    !names_gone(editing->host, &policy->rules[r], what))
			continue;
		editing->rule = r;
		return true;
	}
	return false;
}

static int find_what(struct editing *editing, enum edits edits, const char *what)
{
	int code = EXIT_AS_CONFIGURED;

	editing->index = NO_DEVICE;
	editing->rule = NO_RULE;
	if (edits == EDITS_DEVICE || (edits == EDITS_RULES && !find_rule(editing, what)))
		code = what_find(editing->host, what, &editing->index);
	return code;
}

static int run(struct editing *editing, enum edits edits, const char *what,
	       int (*edit)(struct editing *))
{
	struct host *host = editing->host;
	int code = EXIT_AS_CONFIGURED;

	mistakes_print(&host->mistakes);
	if (host->mistakes.diag.mistakes)
		return mistakes_complain(&host->mistakes,
					 "nothing is changed while the policy has a mistake");
	code = find_what(editing, edits, what);
	if (code == EXIT_AS_CONFIGURED)
		code = host_read_all(host);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	editing->object = json_object_new_object();
	if (editing->index != NO_DEVICE) {
		const struct device *device =
			&editing->host->judged.inventory.devices[editing->index];
		char address[ADDRESS_SIZE], title[TITLE_SIZE];

		(void)address_format(device->address, address);
		json_add_string(editing->object, "address", address);
		json_add_format(editing->object, "id", "%04x:%04x", device->vendor, device->device);
		json_add_string(editing->object, "title",
				identity_title(editing->host, editing->index, title));
	}
	(void)json_object_object_add(editing->object, "written", json_object_new_boolean(false));
	code = edit(editing);
	json_add_string(editing->object, "result", exit_word((enum exit_code)code));
	if (editing->options->json) {
		json_object_object_del(editing->object, "text"); /* the same in words */
		json_print(editing->object);
	} else {
		struct json_object *files = json_object_object_get(editing->object, "files");
		struct json_object *text = json_object_object_get(editing->object, "text");
		struct json_object *notes = json_object_object_get(editing->object, "notes");

		for (size_t i = 0; files && i < json_object_array_length(files); i++)
			change_print(json_object_array_get_idx(files, i));
		for (size_t i = 0; text && i < json_object_array_length(text); i++)
			(void)puts(json_object_get_string(json_object_array_get_idx(text, i)));
		(void)fflush(stdout);
		for (size_t i = 0; notes && i < json_object_array_length(notes); i++)
			(void)fprintf(stderr, "%s\n",
				      json_object_get_string(json_object_array_get_idx(notes, i)));
	}
	(void)json_object_put(editing->object);
	return code;
}

int editing_run(struct options *options, int argc, char *argv[], enum edits edits,
		int (*edit)(struct editing *))
{
	static const char *const usages[] = {
		[EDITS_DEVICE] = "[--dry-run] ADDRESS|/dev/NODE",
		[EDITS_RULES] = "[--dry-run] ADDRESS|/dev/NODE|FILE:LINE",
		[EDITS_ALL] = "[--dry-run]",
	};
	static struct editing editing;
	const struct arguments arguments = {
		.own = own_options,
		.own_count = ARRAY_SIZE(own_options),
		.take = arguments_flag,
		.context = &editing.dry_run,
		.min = edits != EDITS_ALL,
		.max = edits != EDITS_ALL,
		.usage = usages[edits],
	};
	int code = arguments_take(options, &arguments, argc, argv);

	if (code >= 0)
		return code;
	if (options->machine_file && !editing.dry_run)
		return complain(EXIT_USAGE,
				"%s writes for this machine: with --machine, only "
				"--dry-run",
				argv[0]);
	editing.options = options;
	editing.host = host_read(options, AT_BOOT, &code);
	if (!editing.host)
		return code;
	code = run(&editing, edits, argv[optind], edit);
	mistakes_print(&editing.host->mistakes); /* of the rule it would add */
	host_free(editing.host);
	return code;
}
