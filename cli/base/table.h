/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows as a table or a tree, by libsmartcols. A row is the JSON object that --json prints. */
#ifndef TABLE_H
#define TABLE_H

#include "command.h"
#include "json.h"

enum table_show {
	SHOW_ALWAYS,
	SHOW_ASKED, /* only where -o asks for it */
	SHOW_ROOMY, /* not on a terminal too narrow for all */
};

struct table_column {
	const char *name; /* its heading, and its name behind -o */
	const char *key;  /* of the row's member */
	double width;     /* as libsmartcols takes it: a part of the line, or a number of cells */
	int flags;        /* SCOLS_FL_... */
	enum table_show show;
};

struct table {
	const struct table_column *columns;
	size_t count;
	const char *branch;         /* key of the member that rows of one branch share, or NULL */
	const char *branch_name;    /* what to call a branch, before its value */
	const char *const *colours; /* of each row, "" for none; or NULL */
};

/*
 * A member that is a list is shown with commas. A cell that may wrap does so on a terminal, where
 * it has "; ".
 */

/* What a column of that name is, in a few words. */
const char *column_words(const char *name);

/* Prints the rows, an array, as the options want it. Returns an exit code. */
int table_print(const struct table *table, struct json_object *rows, const struct options *options);

#endif
