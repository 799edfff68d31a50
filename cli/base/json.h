/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short forms of json-c for the objects commands build. */
#ifndef JSON_H
#define JSON_H

#include "policy.h"

#include <json-c/json.h>

void json_add_string(struct json_object *object, const char *key, const char *value);

/* A string of text that may hold anything: JSON is UTF-8, and a terminal obeys some of it. */
struct json_object *json_text(struct text value);

/* The same for a member. */
void json_add_text(struct json_object *object, const char *key, struct text value);

/* Where a rule stands, FILE:LINE. */
struct json_object *json_place(const struct rule *rule);
void json_add_place(struct json_object *object, const char *key, const struct rule *rule);

__attribute__((format(printf, 1, 2))) struct json_object *json_format(const char *how, ...);
__attribute__((format(printf, 3, 4))) void json_add_format(struct json_object *object,
							   const char *key, const char *how, ...);

/* The string under key, or "". */
const char *json_get_string(struct json_object *object, const char *key);

void json_print(struct json_object *object);

/* True once json_print() was called: a program that asked for JSON got it. */
bool json_was_printed(void);

#endif
