/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "findings.h"

#include "base/names.h"
#include "base/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES_NAMED 4

static const struct {
	const char *name, *colour;
} severities[] = {
	[SEVERITY_ERROR] = { "error", "\033[1;31m" },
	[SEVERITY_WARNING] = { "warning", "\033[1;33m" },
	[SEVERITY_UNKNOWN] = { "unknown", "\033[1m" },
	[SEVERITY_NOTE] = { "note", "\033[1m" },
};

/* It may quote a line of anybody's, with a tab in it or what a terminal obeys. */
static char *format(const char *how, va_list arguments)
{
	char *text;

	if (vasprintf(&text, how, arguments) < 0)
		exit(complain(EXIT_FAILED, "no memory"));
	for (char *at = text; (at = strchr(at, '\t'));)
		*at = ' ';
	make_printable(text);
	return text;
}

struct finding *finding_add(struct findings *findings, enum severity severity, const char *check,
			    const char *how, ...)
{
	struct finding *finding = calloc(1, sizeof(*finding));
	va_list arguments;

	if (!finding)
		exit(complain(EXIT_FAILED, "no memory"));
	finding->severity = severity;
	finding->check = check;
	finding->device = NO_DEVICE;
	va_start(arguments, how);
	finding->text = format(how, arguments);
	va_end(arguments);
	if (findings->last)
		findings->last->next = finding;
	else
		findings->first = finding;
	findings->last = finding;
	findings->counts[severity]++;
	return finding;
}

void finding_advise(struct finding *finding, const char *how, ...)
{
	va_list arguments;

	va_start(arguments, how);
	finding->advice = format(how, arguments);
	va_end(arguments);
}

void finding_set_place(struct finding *finding, const char *how, ...)
{
	va_list arguments;

	va_start(arguments, how);
	finding->place = format(how, arguments);
	va_end(arguments);
}

void finding_set_rule(struct finding *finding, const struct rule *rule)
{
	finding_set_place(finding, "%.*s:%u", (int)rule->file.len, rule->file.at, rule->line);
}

bool finding_unreadable(struct findings *findings, const char *check, const char *what, int err)
{
	struct finding *finding;

	if (!err)
		return false;
	finding = finding_add(findings, SEVERITY_UNKNOWN, check, "/%s cannot be read: %s", what,
			      strerror(-err));
	finding_advise(finding, err == -EACCES || err == -EPERM ? "run check as root" :
								  "check on the running machine");
	return true;
}

static void print_finding(const struct finding *finding, bool colour)
{
	const char *name = severities[finding->severity].name;

	(void)printf("%s%s:%s %s\n", colour ? severities[finding->severity].colour : "", name,
		     colour ? "\033[0m" : "", finding->text);
}

/* Where several in succession have the same advice it stands behind the last of them. */
static void print_advice(const struct finding *finding, const struct finding *next)
{
	if (!next || strcmp(finding->advice, next->advice) != 0)
		(void)printf("%*s%s\n", (int)strlen(severities[finding->severity].name) + 2, "",
			     finding->advice);
}

static const struct finding *next_of(const struct finding *from, enum severity severity)
{
	while (from && from->severity != severity)
		from = from->next;
	return from;
}

void findings_print(const struct findings *findings)
{
	const char *no_colour = getenv("NO_COLOR");
	bool colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);

	for (enum severity severity = 0; severity < SEVERITIES; severity++) {
		const struct finding *at = next_of(findings->first, severity);

		while (at) {
			const struct finding *next = next_of(at->next, severity);

			print_finding(at, colour);
			print_advice(at, next);
			at = next;
		}
	}
}

static struct json_object *address_json(const struct host *host, size_t index)
{
	char address[ADDRESS_SIZE];

	(void)address_format(host->judged.inventory.devices[index].address, address);
	return json_object_new_string(address);
}

static struct json_object *finding_json(const struct host *host, const struct finding *finding)
{
	struct json_object *object = json_object_new_object(), *devices;

	json_add_string(object, "severity", severities[finding->severity].name);
	json_add_string(object, "check", finding->check);
	json_add_string(object, "text", finding->text);
	if (finding->device != NO_DEVICE)
		(void)json_object_object_add(object, "device", address_json(host, finding->device));
	if (finding->devices) {
		devices = json_object_new_array();
		for (size_t i = 0; i < finding->device_count; i++)
			(void)json_object_array_add(devices,
						    address_json(host, finding->devices[i]));
		(void)json_object_object_add(object, "devices", devices);
	}
	if (finding->place)
		json_add_string(object, "place", finding->place);
	if (finding->reason != REASON_NONE)
		json_add_string(object, "reason", reason_token(finding->reason));
	json_add_string(object, "advice", finding->advice);
	return object;
}

struct json_object *findings_json(const struct findings *findings)
{
	struct json_object *array = json_object_new_array();

	for (const struct finding *at = findings->first; at; at = at->next)
		(void)json_object_array_add(array, finding_json(findings->host, at));
	return array;
}

void findings_free(struct findings *findings)
{
	for (struct finding *at = findings->first, *next; at; at = next) {
		next = at->next;
		free(at->text);
		free(at->advice);
		free(at->place);
		free(at->devices);
		free(at);
	}
	findings->first = findings->last = NULL;
}

const char *uses_text(struct findings *findings, size_t index, char out[USES_TEXT_SIZE])
{
	const struct need *note = NULL;
	size_t len = 0;

	if (!findings->notes.host)
		host_notes_find(&findings->notes, findings->host);
	out[0] = '\0';
	while (len < USES_TEXT_SIZE && (note = needs_next(&findings->notes.needs, index, note)))
		if (note->why != FOR_STORAGE && note->why != FOR_NETWORK)
			len += (size_t)snprintf(out + len, USES_TEXT_SIZE - len, "%s%s",
						len ? ", " : "", need_word(note));
	return out;
}

const char *device_text(const struct host *host, size_t index, char out[DEVICE_TEXT_SIZE])
{
	const struct device *device = &host->judged.inventory.devices[index];
	char address[ADDRESS_SIZE], class[NAME_TEXT_SIZE];

	(void)address_format(device->address, address);
	(void)snprintf(out, DEVICE_TEXT_SIZE, "%s %.24s %04x:%04x", address,
		       device_class_text(device, class), device->vendor, device->device);
	return out;
}

void naming_add(struct naming *naming, const struct host *host, size_t index)
{
	const size_t size = sizeof(naming->text);
	char address[ADDRESS_SIZE];
	uint16_t *all;

	(void)address_format(host->judged.inventory.devices[index].address, address);
	all = realloc(naming->all, (naming->count + 1) * sizeof(*all));
	if (!all)
		exit(complain(EXIT_FAILED, "no memory"));
	all[naming->count] = (uint16_t)index;
	naming->all = all;
	if (naming->count++ < DEVICES_NAMED)
		naming->len += (size_t)snprintf(naming->text + naming->len, size - naming->len,
						"%s%s", naming->len ? ", " : "", address);
	else
		(void)snprintf(naming->text + naming->len, size - naming->len, " and %zu more",
			       naming->count - DEVICES_NAMED);
}

void naming_give(struct naming *naming, struct finding *finding)
{
	finding->devices = naming->all;
	finding->device_count = naming->count;
	naming->all = NULL;
}

void naming_free(struct naming *naming)
{
	free(naming->all);
	naming->all = NULL;
}
