/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind import: what other programs were told, as rules that name one device each. */
#include "base/arguments.h"
#include "base/json.h"
#include "edit_command.h"
#include "host/identity.h"
#include "host/read_host.h"
#include "host/what_if.h"
#include "imports.h"
#include "show/explain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RULE_SIZE (IDENTITY_SIZE + DRIVER_SIZE + 32)

/* What becomes of one device of an old line. */
enum fate {
	FATE_RULE,   /* it gets a rule */
	FATE_TWICE,  /* it got one before */
	FATE_ALONG,  /* another one's rule brings it along */
	FATE_CHOSEN, /* the policy has one already */
	FATE_ABSENT,
	FATE_OTHER,
	FATE_UNREAD,
};

struct importing {
	struct host *host;
	struct imports imports;
	enum fate fates[IMPORT_DEVICES_MAX];
	size_t with[IMPORT_DEVICES_MAX]; /* FATE_ALONG: the device that brings it */
	char rules[IMPORT_DEVICES_MAX + 1][RULE_SIZE];
	size_t screens[IMPORT_DEVICES_MAX]; /* displays that got a rule, and which */
	size_t screen_rules[IMPORT_DEVICES_MAX];
	size_t screen_count;
	bool has_rule[DEVICE_MAX];
};

static const struct device *device_of(const struct importing *importing, size_t index)
{
	return &importing->host->judged.inventory.devices[index];
}

static bool is_display(const struct importing *importing, size_t index)
{
	return device_has_base_class(device_of(importing, index), CLASS_BASE_DISPLAY);
}

/* The display that brings the device along, or NO_DEVICE. */
static size_t find_leader(struct importing *importing, size_t index)
{
	for (size_t i = 0; i < importing->screen_count; i++)
		if (goes_along(&importing->host->decision, importing->screen_rules[i], index,
			       importing->screens[i]))
			return importing->screens[i];
	return NO_DEVICE;
}

static bool is_other(const struct importing *importing, const struct import_device *device)
{
	const struct device *found = device_of(importing, device->index);

	return device->has_id &&
	       (found->vendor != device->vendor || found->device != device->device);
}

static enum fate fate_of(struct importing *importing, size_t d)
{
	const struct import_device *device = &importing->imports.devices[d];

	if (device->unread)
		return FATE_UNREAD;
	if (device->index == NO_DEVICE)
		return FATE_ABSENT;
	if (is_other(importing, device))
		return FATE_OTHER;
	if (importing->has_rule[device->index])
		return FATE_TWICE;
	if (plan_verdict(&importing->host->judged.plan, device->index).kind == VERDICT_BIND)
		return FATE_CHOSEN;
	importing->with[d] = find_leader(importing, device->index);
	return importing->with[d] != NO_DEVICE ? FATE_ALONG : FATE_RULE;
}

/* Makes a rule for the device, and adds it to the policy that is judged. */
static bool make_rule(struct importing *importing, size_t d)
{
	const struct import_device *device = &importing->imports.devices[d];
	bool is_default = !strcmp(device->driver, "vfio-pci");
	char identity[IDENTITY_SIZE];
	size_t rule;

	(void)snprintf(importing->rules[d], RULE_SIZE, "bind %s%s%s",
		       identity_format(importing->host, device->index, identity),
		       is_default ? "" : " driver=", is_default ? "" : device->driver);
	rule = whatif_add(importing->host, text_of(importing->rules[d]), 0);
	if (rule == NO_RULE)
		return false;
	importing->has_rule[device->index] = true;
	if (is_display(importing, device->index)) {
		importing->screens[importing->screen_count] = device->index;
		importing->screen_rules[importing->screen_count++] = rule;
	}
	return true;
}

/* Displays first: they bring others along. */
static bool make_rules(struct importing *importing)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t d = 0; d < importing->imports.device_count; d++) {
			size_t index = importing->imports.devices[d].index;
			bool display = index != NO_DEVICE && is_display(importing, index);

			if (display != (pass == 0))
				continue;
			importing->fates[d] = fate_of(importing, d);
			if (importing->fates[d] == FATE_RULE && !make_rule(importing, d))
				return false;
		}
	return true;
}

static bool came_before(const struct importing *importing, size_t import)
{
	const struct import *list = importing->imports.list;

	for (size_t i = 0; i < import; i++)
		if (!strcmp(list[i].rule, list[import].rule))
			return true;
	return false;
}

/* A recipe is one rule, which needs no device: the boot will find them. */
static bool make_recipe_rules(struct importing *importing)
{
	const struct import *list = importing->imports.list;

	for (size_t i = 0; i < importing->imports.count; i++)
		if (list[i].rule[0] && !came_before(importing, i) &&
		    whatif_add(importing->host, text_of(list[i].rule), 0) == NO_RULE)
			return false;
	return true;
}

static const struct rule *rule_of(const struct importing *importing, struct verdict verdict)
{
	return &importing->host->judged.policy.rules[verdict.rule];
}

/* Why nothing is bound for the device, or what else there is to know about it. */
static void say_fate(struct importing *importing, size_t d, char out[SENTENCE_SIZE])
{
	const struct import_device *device = &importing->imports.devices[d];
	struct verdict verdict = { 0 };
	char detail[SENTENCE_SIZE], address[ADDRESS_SIZE];

	out[0] = '\0';
	if (device->index != NO_DEVICE)
		verdict = plan_verdict(&importing->host->judged.plan, device->index);
	switch (importing->fates[d]) {
	case FATE_RULE:
		if (verdict.kind == VERDICT_REFUSE)
			(void)snprintf(
				out, SENTENCE_SIZE, "refused (%s): %.400s",
				reason_token(verdict.reason),
				say_guard(importing->host, verdict.reason, device->index, detail));
		else if (verdict.kind == VERDICT_KEEP)
			(void)snprintf(out, SENTENCE_SIZE, "%.*s:%u keeps it",
				       (int)rule_of(importing, verdict)->file.len,
				       rule_of(importing, verdict)->file.at,
				       rule_of(importing, verdict)->line);
		break;
	case FATE_TWICE:
		(void)snprintf(out, SENTENCE_SIZE, "is named twice here");
		break;
	case FATE_ALONG:
		(void)address_format(device_of(importing, importing->with[d])->address, address);
		(void)snprintf(out, SENTENCE_SIZE, "goes along with %s", address);
		break;
	case FATE_CHOSEN:
		(void)snprintf(out, SENTENCE_SIZE, "the policy chooses it already");
		break;
	case FATE_ABSENT:
		(void)snprintf(out, SENTENCE_SIZE, "there is no such device");
		break;
	case FATE_OTHER:
		(void)snprintf(out, SENTENCE_SIZE, "another device stands there now: %04x:%04x",
			       device_of(importing, device->index)->vendor,
			       device_of(importing, device->index)->device);
		break;
	case FATE_UNREAD:
		(void)snprintf(out, SENTENCE_SIZE, "%s", device->unread);
		break;
	}
}

/* The word that takes a refused display all the same, or "". */
static const char *way_out(const struct importing *importing, size_t d)
{
	size_t index = importing->imports.devices[d].index;
	enum reason reason;

	if (importing->fates[d] != FATE_RULE)
		return "";
	reason = plan_verdict(&importing->host->judged.plan, index).reason;
	if (reason == REASON_LAST_DISPLAY)
		return " allow=last-display";
	if (reason != REASON_BOOT_DISPLAY)
		return "";
	return host_keeps_screen_beside(importing->host, index) ? " allow=boot-display" :
								  " allow=last-display";
}

/* Where the device may be that the word means by its id: those of that id which are free. */
static void find_meant(const struct importing *importing, const struct import_device *device,
		       char out[SENTENCE_SIZE])
{
	const struct inventory *inventory = &importing->host->judged.inventory;
	char address[ADDRESS_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < inventory->count && len < SENTENCE_SIZE - 64; i++) {
		if (inventory->devices[i].vendor != device->vendor ||
		    inventory->devices[i].device != device->device ||
		    lives_on(importing->host, i) ||
		    plan_verdict(&importing->host->judged.plan, i).kind == VERDICT_BIND)
			continue;
		(void)address_format(inventory->devices[i].address, address);
		len += (size_t)snprintf(out + len, SENTENCE_SIZE - len, "%s%s",
					len ? " or " : "of that id: vfio-bind add ", address);
	}
}

/* What to do where the device gets no rule that binds, or an empty text. */
static void say_advice(struct importing *importing, size_t d, char out[SENTENCE_SIZE])
{
	const struct import_device *device = &importing->imports.devices[d];

	out[0] = '\0';
	if (importing->fates[d] == FATE_RULE && !way_out(importing, d)[0])
		(void)say_next_step(importing->host, device->index, out);
	else if ((importing->fates[d] == FATE_OTHER || importing->fates[d] == FATE_ABSENT) &&
		 device->has_id)
		find_meant(importing, device, out);
}

static struct json_object *device_json(struct importing *importing, size_t d)
{
	const struct import_device *device = &importing->imports.devices[d];
	struct json_object *object = json_object_new_object();
	char text[SENTENCE_SIZE], title[TITLE_SIZE], with[TITLE_SIZE], address[ADDRESS_SIZE];

	json_add_string(object, "item", device->item);
	if (device->index != NO_DEVICE) {
		(void)address_format(device_of(importing, device->index)->address, address);
		json_add_string(object, "address", address);
		json_add_format(object, "title", "%s%s",
				identity_title(importing->host, device->index, title),
				identity_companions(importing->host, device->index, with));
	}
	say_fate(importing, d, text);
	json_add_string(object, "note", text);
	(void)json_object_object_add(
		object, "binds",
		json_object_new_boolean(importing->fates[d] == FATE_RULE && !text[0]));
	say_advice(importing, d, text);
	if (text[0])
		json_add_string(object, "advice", text);
	if (way_out(importing, d)[0])
		json_add_format(object, "next", "%s%s", importing->rules[d], way_out(importing, d));
	if (importing->fates[d] == FATE_RULE)
		json_add_string(object, "rule", importing->rules[d]);
	return object;
}

/* How many devices from d on one word of a list took. */
static size_t count_kind(const struct imports *imports, size_t d)
{
	const struct import_device *devices = imports->devices;
	size_t count = 1;

	while (d + count < imports->device_count && devices[d].by_kind &&
	       devices[d + count].import == devices[d].import &&
	       !strcmp(devices[d + count].item, devices[d].item))
		count++;
	return count;
}

static struct json_object *kind_json(struct importing *importing, size_t d, size_t count)
{
	const struct import_device *devices = importing->imports.devices;
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();

	json_add_string(object, "id", devices[d].item);
	for (size_t i = 0; i < count; i++) {
		char address[ADDRESS_SIZE];

		(void)address_format(device_of(importing, devices[d + i].index)->address, address);
		(void)json_object_array_add(array, json_object_new_string(address));
	}
	(void)json_object_object_add(object, "takes", array);
	return object;
}

/* The words of a list that took more than one device. */
static struct json_object *twins_json(struct importing *importing, size_t import)
{
	const struct imports *imports = &importing->imports;
	struct json_object *array = json_object_new_array();
	size_t count;

	for (size_t d = 0; d < imports->device_count; d += count) {
		count = count_kind(imports, d);
		if (imports->devices[d].import == import && count > 1)
			(void)json_object_array_add(array, kind_json(importing, d, count));
	}
	return array;
}

/* What a guest needs beside our rule stays, as long as it hands over nothing that is refused. */
static bool stays(const struct importing *importing, size_t import)
{
	const struct imports *imports = &importing->imports;

	for (size_t d = 0; d < imports->device_count; d++) {
		const struct import_device *device = &imports->devices[d];

		if (device->import != import || device->unread == import_mediated)
			continue;
		if (device->unread || device->index == NO_DEVICE ||
		    importing->fates[d] == FATE_OTHER ||
		    plan_verdict(&importing->host->judged.plan, device->index).kind != VERDICT_BIND)
			return false;
	}
	return imports->list[import].source == IMPORT_PROXMOX;
}

static bool all_stay(const struct importing *importing)
{
	for (size_t i = 0; i < importing->imports.count; i++)
		if (!stays(importing, i))
			return false;
	return true;
}

static struct json_object *import_json(struct importing *importing, size_t i)
{
	const struct import *import = &importing->imports.list[i];
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();

	json_add_string(object, "source", import_name(import->source));
	json_add_string(object, "place", import->place);
	json_add_string(object, "text", import->text);
	(void)json_object_object_add(object, "twins", twins_json(importing, i));
	if (import->rule[0])
		json_add_string(object, "rule", import->rule);
	if (stays(importing, i))
		(void)json_object_object_add(object, "stays", json_object_new_boolean(true));
	for (size_t d = 0; d < importing->imports.device_count; d++)
		if (importing->imports.devices[d].import == i)
			(void)json_object_array_add(devices, device_json(importing, d));
	(void)json_object_object_add(object, "devices", devices);
	return object;
}

static void print_device(struct json_object *device)
{
	const char *title = json_get_string(device, "title");
	const char *note = json_get_string(device, "note");
	const char *rule = json_get_string(device, "rule");
	const char *next = json_get_string(device, "next");
	const char *advice = json_get_string(device, "advice");

	(void)printf("# %s%s%s\n", title[0] ? title : json_get_string(device, "item"),
		     note[0] ? ": " : "", note);
	if (rule[0])
		(void)printf("%s%s\n", note[0] ? "#" : "", rule);
	if (advice[0])
		(void)printf("# next: %s\n", advice);
	if (next[0])
		(void)printf("# To take it all the same, write this line yourself:\n#  %s\n", next);
}

static void print_twins(struct json_object *kind)
{
	struct json_object *takes = json_object_object_get(kind, "takes");

	(void)printf("# %s takes all %zu of its kind", json_get_string(kind, "id"),
		     json_object_array_length(takes));
	for (size_t i = 0; i < json_object_array_length(takes); i++)
		(void)printf("%s%s", i ? ", " : ": ",
			     json_object_get_string(json_object_array_get_idx(takes, i)));
	(void)puts(". Delete the lines of those the host shall keep.");
}

static void print_import(struct json_object *import)
{
	struct json_object *twins = json_object_object_get(import, "twins");
	struct json_object *devices = json_object_object_get(import, "devices");
	const char *rule = json_get_string(import, "rule");

	(void)printf("# %s: %s\n", json_get_string(import, "place"),
		     json_get_string(import, "text"));
	if (json_object_object_get(import, "stays"))
		(void)puts("# That line stays: it hands the device to the guest.");
	for (size_t i = 0; i < json_object_array_length(twins); i++)
		print_twins(json_object_array_get_idx(twins, i));
	if (rule[0])
		(void)puts(rule);
	for (size_t i = 0; i < json_object_array_length(devices); i++)
		print_device(json_object_array_get_idx(devices, i));
}

static void print_all(const struct options *options, struct importing *importing,
		      enum exit_code code)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < importing->imports.count; i++)
		(void)json_object_array_add(array,
					    import_json(importing, importing->imports.order[i]));
	json_add_string(object, "result", exit_word(code));
	(void)json_object_object_add(object, "imports", array);
	if (options->json)
		json_print(object);
	for (size_t i = 0; !options->json && i < json_object_array_length(array); i++) {
		if (i)
			(void)putchar('\n');
		print_import(json_object_array_get_idx(array, i));
	}
	(void)json_object_put(object);
	if (!options->json && !all_stay(importing))
		(void)fprintf(stderr,
			      "Once these are in /%s, take the old lines away: they take "
			      "their devices past every guard.\n",
			      POLICY_FILE);
}

/* Looks everywhere, or reads one file, which is not below the root that is looked at. */
static int find(struct imports *imports, struct host *host, const char *file)
{
	char path[PATH_MAX];
	struct machine here;
	int err;

	if (!file) {
		imports_find(imports, host);
		return EXIT_AS_CONFIGURED;
	}
	if (!realpath(file, path) || access(path, R_OK))
		return complain(errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED, "%s: %s", file,
				strerror(errno));
	if (strlen(path) > MACHINE_PATH_SIZE - 1)
		return complain(EXIT_FAILED, "%s: %s", file, strerror(ENAMETOOLONG));
	err = machine_open(&here, "/");
	if (err)
		return complain(EXIT_FAILED, "/: %s", strerror(-err));
	imports_read(imports, host, &here, path + 1);
	machine_close(&here);
	return EXIT_AS_CONFIGURED;
}

static int import(const struct options *options, struct host *host, const char *file)
{
	static struct importing importing;
	int code = host_read_all(host);

	if (code != EXIT_AS_CONFIGURED)
		return code;
	/* Empties what a run before has used: the tables are large. */
	importing.imports.count = importing.imports.device_count = importing.screen_count = 0;
	importing.imports.overflow = false;
	importing.imports.current = NULL;
	memset(importing.has_rule, 0, sizeof(importing.has_rule));
	importing.host = host;
	code = find(&importing.imports, host, file);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	if (!importing.imports.count) {
		if (options->json)
			print_all(options, &importing, EXIT_NOT_CONFIGURED);
		if (file)
			return complain(EXIT_NOT_CONFIGURED, "%s: there is nothing to import in it",
					file);
		return complain(
			EXIT_NOT_CONFIGURED,
			"there is nothing to import: no vfio-pci.ids=, modprobe.d, driverctl, "
			"Unraid, Qubes or Proxmox setting, no script, no virtual functions that "
			"something makes. Of another place: "
			"vfio-bind import FILE");
	}
	if (importing.imports.overflow)
		(void)complain(EXIT_FAILED, "there is more than can be imported at once");
	if (!make_rules(&importing) || !make_recipe_rules(&importing))
		return EXIT_USAGE;
	code = host_judge(host, AT_BOOT);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	code = importing.imports.overflow ? EXIT_FAILED : EXIT_AS_CONFIGURED;
	print_all(options, &importing, (enum exit_code)code);
	return code;
}

int command_import(struct options *options, int argc, char *argv[])
{
	static const struct arguments one_file = { .max = 1, .usage = "[FILE]" };
	int code = arguments_take(options, &one_file, argc, argv);
	struct host *host;

	if (code >= 0)
		return code;
	host = host_read(options, AT_BOOT, &code);
	if (!host)
		return code;
	mistakes_print(&host->mistakes);
	code = host->mistakes.diag.mistakes ?
		       mistakes_complain(&host->mistakes, "first put the policy's mistake right") :
		       import(options, host, optind < argc ? argv[optind] : NULL);
	host_free(host);
	return code;
}
