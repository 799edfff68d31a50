/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "status_boot.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct json_object *image_row(const struct image *image)
{
	struct json_object *row = json_object_new_object();
	char when[32] = "";
	struct tm utc;

	json_add_string(row, "kernel", image->kernel->release);
	(void)json_object_object_add(row, "running",
				     json_object_new_boolean(image->kernel->running));
	(void)json_object_object_add(row, "next", json_object_new_boolean(image->next));
	json_add_string(row, "state", stamp_word(image->stamp.state));
	if (image->stamp.when && gmtime_r(&image->stamp.when, &utc))
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	json_add_string(row, "built", when);
	json_add_string(row, "version", image->stamp.version);
	return row;
}

struct json_object *image_rows(const struct images *images)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < images->count; i++)
		(void)json_object_array_add(rows, image_row(&images->list[i]));
	return rows;
}

struct json_object *boot_object(const struct last_boot *last)
{
	struct json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "report", json_object_new_boolean(last->found));
	(void)json_object_object_add(object, "note",
				     last->note[0] ? json_object_new_string(last->note) : NULL);
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
	(void)json_object_array_add(messages, json_object_new_string(text));
}

static void say_images(const struct images *images, struct json_object *messages)
{
	for (size_t i = 0; i < images->count; i++) {
		const struct image *image = &images->list[i];

		if (!image->next)
			continue;
		if (image->stamp.state == STAMP_POLICY)
			message(messages,
				"The image of %s has another policy than /etc: vfio-bind update",
				image->kernel->release);
		if (image->stamp.state == STAMP_VERSION)
			message(messages, "The image of %s was built by vfio-bind %s",
				image->kernel->release, image->stamp.version);
	}
}

struct json_object *boot_messages(const struct view *view, bool configured)
{
	const struct last_boot *last = &view->last;
	struct json_object *messages = json_object_new_array();

	if (!configured)
		message(messages, "There is no rule in /%s.", POLICY_FILE);
	if (!view->host->from_file && !last->found && configured)
		message(messages, "This boot went without vfio-bind%s",
			images_have_ours(&view->images) ? "; the next one has it" :
							  ": vfio-bind update");
	if (last->note[0])
		message(messages, "This boot: %s", last->note);
	if (last->ids_dropped)
		message(messages, "This boot left out an ids= of vfio-pci: vfio-bind import");
	if (last->policy_differs)
		message(messages, "This boot went by another policy than /etc has now");
	say_images(&view->images, messages);
	return messages;
}
