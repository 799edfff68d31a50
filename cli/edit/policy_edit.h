/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A change to one policy file: put together, shown as a diff, written. */
#ifndef CHANGE_H
#define CHANGE_H

#include "base/json.h"
#include "host/host.h"

#define CHANGE_PLACE_SIZE (MACHINE_PATH_SIZE + 16)

struct change {
	struct host *host;
	char path[MACHINE_PATH_SIZE]; /* without its leading slash */
	char old[POLICY_BYTES_MAX + 1], new[2 * POLICY_BYTES_MAX];
	size_t old_len, new_len;
	bool exists;
	struct json_object *diff; /* its lines: {"line": 7, "change": "+", "text": "bind ..."} */
};

/*
 * Reads the file, and sees that it is what was judged. Returns an exit code; in any case
 * change_close() follows.
 */
int change_open(struct change *change, struct host *host, struct text file);
void change_close(struct change *change);

/* The line of that number, from 1, as it was; or one with at NULL. */
struct text change_line(const struct change *change, unsigned number);

/* Where a rule stands, FILE:LINE, in a sentence. */
void change_place(const struct rule *rule, char out[CHANGE_PLACE_SIZE]);

/* True if the rule stands in VENDOR_DIR: a package's file, which the next version writes anew. */
bool rule_is_vendors(const struct rule *rule);

/* Takes out the line of that number. Go from the last to the first. */
void change_drop(struct change *change, unsigned number);

/* Puts a line in place of the one of that number. Go from the last to the first. */
void change_replace(struct change *change, unsigned number, struct text line);

/* Adds a line behind all others. Returns its number. */
unsigned change_append(struct change *change, const char *line);

/* Sees that the policy would not be too large. Returns an exit code. */
int change_fits(const struct change *change);

/* Writes the file if it fits. Returns an exit code. */
int change_write(struct change *change);

/* {"file": "/etc/vfio-bind.conf", "diff": [...]}; the change has the array no more. */
struct json_object *change_json(struct change *change);

/* Prints the same for a person, in colour on a terminal. */
void change_print(struct json_object *file);

#endif
