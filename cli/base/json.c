/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include "printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void json_add_string(struct json_object *object, const char *key, const char *value)
{
	(void)json_object_object_add(object, key, json_object_new_string(value));
}

struct json_object *json_text(struct text value)
{
	char text[POLICY_LINE_MAX + 1];

	(void)snprintf(text, sizeof(text), "%.*s", (int)value.len, value.at);
	for (char *at = strchr(text, '\t'); at; at = strchr(at, '\t'))
		*at = ' ';
	make_printable(text);
	return json_object_new_string(text);
}

void json_add_text(struct json_object *object, const char *key, struct text value)
{
	(void)json_object_object_add(object, key, json_text(value));
}

static struct json_object *format(const char *how, va_list arguments)
{
	char value[1024];

	(void)vsnprintf(value, sizeof(value), how, arguments);
	return json_object_new_string(value);
}

struct json_object *json_format(const char *how, ...)
{
	struct json_object *string;
	va_list arguments;

	va_start(arguments, how);
	string = format(how, arguments);
	va_end(arguments);
	return string;
}

void json_add_format(struct json_object *object, const char *key, const char *how, ...)
{
	va_list arguments;

	va_start(arguments, how);
	(void)json_object_object_add(object, key, format(how, arguments));
	va_end(arguments);
}

struct json_object *json_place(const struct rule *rule)
{
	return json_format("%.*s:%u", (int)rule->file.len, rule->file.at, rule->line);
}

void json_add_place(struct json_object *object, const char *key, const struct rule *rule)
{
	(void)json_object_object_add(object, key, json_place(rule));
}

const char *json_get_string(struct json_object *object, const char *key)
{
	const char *value = json_object_get_string(json_object_object_get(object, key));

	return value ? value : "";
}

static bool printed;

bool json_was_printed(void)
{
	return printed;
}

void json_print(struct json_object *object)
{
	printed = true;
	(void)puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
}
