/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The row of a device as JSON. A key has one meaning in whatever command prints it. */
#ifndef ROW_JSON_H
#define ROW_JSON_H

#include "base/json.h"
#include "device_row.h"

/* An object with those members, in that order: doc/vfio-bind.schema.json has their meanings. */
struct json_object *row_json(const struct device_row *row, const char *const keys[], size_t count);

/* What there is to say of a trial, or NULL. */
struct json_object *trial_json(const struct trial_state *state);

#endif
