/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "findings.h"

#include "base/names.h"

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

struct json_object *finding_add(struct findings *findings, enum severity severity,
				const char *check, const char *how, ...)
{
	struct json_object *finding = json_object_new_object();
	char text[1024];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(text, sizeof(text), how, arguments);
	va_end(arguments);
	json_add_string(finding, "severity", severities[severity].name);
	json_add_string(finding, "check", check);
	json_add_string(finding, "text", text);
	(void)json_object_array_add(findings->list, finding);
	findings->counts[severity]++;
	return finding;
}

bool finding_unreadable(struct findings *findings, const char *check, const char *what, int err)
{
	struct json_object *finding;

	if (!err)
		return false;
	finding = finding_add(findings, SEVERITY_UNKNOWN, check, "/%s cannot be read: %s", what,
			      strerror(-err));
	json_add_string(finding, "advice",
			err == -EACCES || err == -EPERM ? "run check as root" :
							  "check on the running machine");
	return true;
}

static void print_finding(struct json_object *finding, enum severity severity, bool colour)
{
	const char *name = severities[severity].name;

	(void)printf("%s%s:%s %s\n%*s%s\n", colour ? severities[severity].colour : "", name,
		     colour ? "\033[0m" : "", json_get_string(finding, "text"),
		     (int)strlen(name) + 2, "", json_get_string(finding, "advice"));
}

void findings_print(const struct findings *findings)
{
	const char *no_colour = getenv("NO_COLOR");
	bool colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);

	for (enum severity severity = 0; severity < SEVERITIES; severity++)
		for (size_t i = 0; i < json_object_array_length(findings->list); i++) {
			struct json_object *finding = json_object_array_get_idx(findings->list, i);

			if (!strcmp(json_get_string(finding, "severity"),
				    severities[severity].name))
				print_finding(finding, severity, colour);
		}
}

/* The words for what is the host's in a way nobody could name. */
static bool says_nothing(const char *note)
{
	return !strcmp(note, "storage") || !strcmp(note, "network");
}

const char *uses_text(struct findings *findings, size_t index, char out[USES_TEXT_SIZE])
{
	const struct host_notes *notes = &findings->notes;
	size_t len = 0;

	if (!notes->host)
		host_notes_find(&findings->notes, findings->host);
	out[0] = '\0';
	for (size_t i = 0; i < notes->count && len < USES_TEXT_SIZE; i++)
		if (notes->notes[i].index == index && !says_nothing(notes->notes[i].text))
			len += (size_t)snprintf(out + len, USES_TEXT_SIZE - len, "%s%s",
						len ? ", " : "", notes->notes[i].text);
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

	(void)address_format(host->judged.inventory.devices[index].address, address);
	if (!naming->all)
		naming->all = json_object_new_array();
	(void)json_object_array_add(naming->all, json_object_new_string(address));
	if (naming->count++ < DEVICES_NAMED)
		naming->len += (size_t)snprintf(naming->text + naming->len, size - naming->len,
						"%s%s", naming->len ? ", " : "", address);
	else
		(void)snprintf(naming->text + naming->len, size - naming->len, " and %zu more",
			       naming->count - DEVICES_NAMED);
}

void naming_give(struct naming *naming, struct json_object *finding)
{
	if (naming->all)
		(void)json_object_object_add(finding, "devices", naming->all);
	naming->all = NULL;
}
