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

void json_add_text(struct json_object *object, const char *key, struct text value)
{
	char text[POLICY_LINE_MAX + 1];

	(void)snprintf(text, sizeof(text), "%.*s", (int)value.len, value.at);
	for (char *at = strchr(text, '\t'); at; at = strchr(at, '\t'))
		*at = ' ';
	make_printable(text);
	json_add_string(object, key, text);
}

void json_add_format(struct json_object *object, const char *key, const char *how, ...)
{
	char value[1024];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(value, sizeof(value), how, arguments);
	va_end(arguments);
	json_add_string(object, key, value);
}

void json_add_place(struct json_object *object, const char *key, const struct rule *rule)
{
	json_add_format(object, key, "%.*s:%u", (int)rule->file.len, rule->file.at, rule->line);
}

const char *json_get_string(struct json_object *object, const char *key)
{
	const char *value = json_object_get_string(json_object_object_get(object, key));

	return value ? value : "";
}

void json_print(struct json_object *object)
{
	(void)puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								  JSON_C_TO_STRING_NOSLASHESCAPE));
}
