/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows as a table or a tree, by libsmartcols. A row is the JSON object that --json prints. */
#ifndef TABLE_H
#define TABLE_H

#include "command.h"
#include "json.h"

struct table_column {
	const char *name; /* its heading, and its name behind -o */
	const char *key;  /* of the row's member */
	double width;     /* as libsmartcols takes it: a part of the line, or a number of cells */
	int flags;        /* SCOLS_FL_... */
	bool hidden;      /* shown only where -o asks for it */
};

struct table {
	const struct table_column *columns;
	size_t count;
	const char *branch;      /* key of the member that rows of one branch share, or NULL */
	const char *branch_name; /* what to call a branch, before its value */
};

/* Prints the rows, an array, as the options want it. Returns an exit code. */
int table_print(const struct table *table, struct json_object *rows, const struct options *options);

#endif
