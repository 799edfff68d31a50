/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short forms of json-c for the objects commands build. */
#ifndef JSON_H
#define JSON_H

#include "policy.h"

#include <json-c/json.h>

void json_add_string(struct json_object *object, const char *key, const char *value);

/* Of a policy, whose lines may hold anything: JSON is UTF-8, and a terminal obeys some of it. */
void json_add_text(struct json_object *object, const char *key, struct text value);

/* Where a rule stands, FILE:LINE. */
void json_add_place(struct json_object *object, const char *key, const struct rule *rule);

__attribute__((format(printf, 3, 4))) void json_add_format(struct json_object *object,
							   const char *key, const char *how, ...);

/* The string under key, or "". */
const char *json_get_string(struct json_object *object, const char *key);

void json_print(struct json_object *object);

#endif
