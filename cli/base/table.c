/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SHOWN_MAX 32
#define CELL_SIZE 1024
#define ROOMY     120

/* A table being filled. */
struct filling {
	const struct table *table;
	struct libscols_table *out;
	size_t shown[SHOWN_MAX]; /* columns in the order they are shown */
	size_t shown_count;
	bool terminal; /* people read it, and it has an edge */
};

static bool show(struct filling *filling, struct text name)
{
	for (size_t i = 0; i < filling->table->count; i++) {
		const char *column = filling->table->columns[i].name;

		if (text_of(column).len != name.len || strncasecmp(column, name.at, name.len) != 0)
			continue;
		if (filling->shown_count == SHOWN_MAX)
			return false;
		filling->shown[filling->shown_count++] = i;
		return true;
	}
	return false;
}

static void show_usual(struct filling *filling)
{
	bool narrow = filling->terminal && scols_table_get_termwidth(filling->out) < ROOMY;

	for (size_t i = 0; i < filling->table->count; i++)
		if (filling->table->columns[i].show == SHOW_ALWAYS ||
		    (filling->table->columns[i].show == SHOW_ROOMY && !narrow))
			filling->shown[filling->shown_count++] = i;
}

/* What -o names, or with "+" before it what is shown anyhow and then that. */
static int choose_columns(struct filling *filling, const char *wanted)
{
	struct text rest = text_of(wanted ? wanted : ""), name;

	if (!wanted || wanted[0] == '+')
		show_usual(filling);
	if (wanted && wanted[0] == '+')
		rest = text_of(wanted + 1);
	while (wanted && text_cut(&rest, ',', &name))
		if (!show(filling, name))
			return complain(EXIT_USAGE, "-o %s: there is no column %.*s", wanted,
					(int)name.len, name.at);
	return EXIT_AS_CONFIGURED;
}

static bool add_columns(struct filling *filling)
{
	for (size_t i = 0; i < filling->shown_count; i++) {
		const struct table_column *column = &filling->table->columns[filling->shown[i]];
		struct libscols_column *out;
		int flags = column->flags;

		if (!i && filling->table->branch)
			flags |= SCOLS_FL_TREE;
		out = scols_table_new_column(filling->out, column->name, column->width, flags);
		if (!out)
			return false;
		if (!(flags & SCOLS_FL_WRAP))
			continue;
		(void)scols_column_set_safechars(out, "\n");
		(void)scols_column_set_wrapfunc(out, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
						NULL);
	}
	return true;
}

/* A list is shown with commas between its members; a member that is an object, by its strings. */
static void add_member(char cell[CELL_SIZE], struct json_object *member)
{
	size_t len = strlen(cell);
	const char *before = len ? ", " : "";

	if (!json_object_is_type(member, json_type_object)) {
		(void)snprintf(cell + len, CELL_SIZE - len, "%s%s", before,
			       json_object_get_string(member));
		return;
	}
	json_object_object_foreach(member, key, value)
	{
		(void)key;
		(void)snprintf(cell + len, CELL_SIZE - len, "%s%s", before,
			       json_object_is_type(value, json_type_string) ?
				       json_object_get_string(value) :
				       "");
		len = strlen(cell);
		before = " ";
	}
}

static void set_cell(struct json_object *row, const char *key, char cell[CELL_SIZE])
{
	struct json_object *value = json_object_object_get(row, key);

	cell[0] = '\0';
	if (!json_object_is_type(value, json_type_array))
		(void)snprintf(cell, CELL_SIZE, "%s", json_get_string(row, key));
	else
		for (size_t i = 0; i < json_object_array_length(value); i++)
			add_member(cell, json_object_array_get_idx(value, i));
}

/* scols_wrapnl_nextchunk() makes each a line of its own. */
static void break_phrases(char *cell)
{
	char *at;

	while ((at = strstr(cell, "; "))) {
		*at = '\n';
		memmove(at + 1, at + 2, strlen(at + 2) + 1);
	}
}

static bool add_row(struct filling *filling, struct json_object *rows, size_t index,
		    struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(filling->out, parent);
	struct json_object *row = json_object_array_get_idx(rows, index);
	const char *const *colours = filling->table->colours;
	bool ok = line;

	for (size_t i = 0; ok && i < filling->shown_count; i++) {
		const char *key = filling->table->columns[filling->shown[i]].key;
		char cell[CELL_SIZE];

		set_cell(row, key, cell);
		if (filling->terminal)
			break_phrases(cell);
		ok = !scols_line_set_data(line, i, cell);
	}
	if (ok && colours && colours[index][0])
		ok = !scols_line_set_color(line, colours[index]);
	return ok;
}

/* A line for the branch itself: its name, and nothing in the other columns. */
static struct libscols_line *add_branch(struct filling *filling, const char *value)
{
	struct libscols_line *line = scols_table_new_line(filling->out, NULL);
	char name[80];

	(void)snprintf(name, sizeof(name), "%s %s", filling->table->branch_name, value);
	if (line && scols_line_set_data(line, 0, value[0] ? name : "no group"))
		return NULL;
	return line;
}

/* Rows of one branch stand together: the first of each brings the rest. */
static bool add_tree(struct filling *filling, struct json_object *rows)
{
	size_t count = json_object_array_length(rows);
	bool *done = calloc(count + 1, sizeof(*done)), ok = done;

	for (size_t i = 0; ok && i < count; i++) {
		const char *branch =
			json_get_string(json_object_array_get_idx(rows, i), filling->table->branch);
		struct libscols_line *parent;

		if (done[i])
			continue;
		parent = add_branch(filling, branch);
		ok = parent;
		for (size_t j = i; ok && j < count; j++) {
			struct json_object *row = json_object_array_get_idx(rows, j);

			if (!text_is(text_of(branch), json_get_string(row, filling->table->branch)))
				continue;
			ok = add_row(filling, rows, j, parent);
			done[j] = true;
		}
	}
	free(done);
	return ok;
}

static bool add_rows(struct filling *filling, struct json_object *rows)
{
	bool ok = true;

	if (filling->table->branch)
		return add_tree(filling, rows);
	for (size_t i = 0; ok && i < json_object_array_length(rows); i++)
		ok = add_row(filling, rows, i, NULL);
	return ok;
}

static bool fill(struct filling *filling, struct json_object *rows, const struct options *options)
{
	struct libscols_table *out = filling->out;
	const char *no_colour = getenv("NO_COLOR");

	(void)scols_table_enable_raw(out, options->raw);
	(void)scols_table_enable_noheadings(out, options->noheadings);
	(void)scols_table_enable_colors(out, isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]));
	return add_columns(filling) && add_rows(filling, rows);
}

int table_print(const struct table *table, struct json_object *rows, const struct options *options)
{
	struct filling filling = {
		.table = table,
		.terminal = isatty(STDOUT_FILENO) && !options->raw,
	};
	int code;

	(void)setlocale(LC_CTYPE, ""); /* names and branches may take more than ASCII */
	filling.out = scols_new_table();
	if (!filling.out)
		return complain(EXIT_FAILED, "no memory");
	code = choose_columns(&filling, options->columns);
	if (code == EXIT_AS_CONFIGURED &&
	    (!fill(&filling, rows, options) || scols_print_table(filling.out)))
		code = complain(EXIT_FAILED, "the table cannot be printed");
	scols_unref_table(filling.out);
	return code;
}
