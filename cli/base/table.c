/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include "nearest.h"

#include <ctype.h>
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
#define NARROWEST 12 /* cells of a column that wraps */

/* A table being filled. */
struct filling {
	const struct table *table;
	struct libscols_table *out;
	size_t shown[SHOWN_MAX]; /* columns in the order they are shown */
	size_t shown_count;
	size_t wrap_width; /* of the column that may wrap */
	bool terminal;     /* people read it, and it has an edge */
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

static const struct {
	const char *name, *words;
} columns_there_are[] = {
	{ "ADDRESS", "domain:bus:device.function" },
	{ "CLASS", "kind of device, by name or in hex" },
	{ "ID", "vendor and device" },
	{ "NAME", "what pci.ids or the drive itself calls it" },
	{ "DRIVER", "who has it now" },
	{ "NEXT", "who will have it after the next boot" },
	{ "STATE", "host, vfio, pending, drift, refused or foreign" },
	{ "USE", "what the host does with it" },
	{ "NOTE", "what a person should know" },
	{ "GROUP", "IOMMU group" },
	{ "CODE", "class in six hex digits" },
	{ "SUBSYSTEM", "vendor and device of the card" },
	{ "VENDOR", "name of the vendor" },
	{ "DEVICE", "name of the model" },
	{ "SLOT", "physical slot, for slot=" },
	{ "LABEL", "what the firmware calls it" },
	{ "PATH", "hop path, for path=" },
	{ "DSN", "serial number, for dsn=" },
	{ "TWIN", "which one it is of those with its id" },
	{ "TWINS", "how many have its id" },
	{ "DISKS", "disks on it" },
	{ "VERDICT", "bind, keep, refuse or none" },
	{ "REASON", "why" },
	{ "RULE", "file and line of the rule" },
	{ "WITH", "the device it goes along with" },
	{ "STATUS", "what became of it" },
	{ "DETAIL", "why, and what to do" },
	{ "CHECK", "what was looked at" },
	{ "RESULT", "what was found" },
};

const char *column_words(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns_there_are); i++)
		if (!strcmp(columns_there_are[i].name, name))
			return columns_there_are[i].words;
	return "";
}

/* Says which columns there are, and which one may have been meant. */
static int complain_column(const struct table *table, const char *wanted, struct text name)
{
	char word[64], list[512] = "";
	struct nearest nearest;
	size_t len = 0;

	(void)snprintf(word, sizeof(word), "%.*s", (int)(name.len < 63 ? name.len : 63), name.at);
	for (char *at = word; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	nearest = nearest_to(word);
	for (size_t i = 0; i < table->count && len < sizeof(list); i++) {
		nearest_try(&nearest, table->columns[i].name);
		len += (size_t)snprintf(list + len, sizeof(list) - len, " %s",
					table->columns[i].name);
	}
	return complain(EXIT_USAGE, "-o %s: there is no column %.*s%s%s%s; there are%s", wanted,
			(int)name.len, name.at, nearest.found ? ": did you mean " : "",
			nearest.found ? nearest.found : "", nearest.found ? "?" : "", list);
}

/* What -o names, or with "+" before it what is shown anyhow and then that. */
static int choose_columns(struct filling *filling, const char *wanted)
{
	struct text rest = text_of(wanted ? wanted : ""), name;

	if (!wanted || wanted[0] == '+') {
		bool narrow = filling->terminal && scols_table_get_termwidth(filling->out) < ROOMY;

		for (size_t i = 0; i < filling->table->count; i++)
			if (filling->table->columns[i].show == SHOW_ALWAYS ||
			    (filling->table->columns[i].show == SHOW_ROOMY && !narrow))
				filling->shown[filling->shown_count++] = i;
	}
	if (wanted && wanted[0] == '+')
		rest = text_of(wanted + 1);
	while (wanted && text_cut(&rest, ',', &name))
		if (!show(filling, name))
			return complain_column(filling->table, wanted, name);
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

/*
 * Puts line breaks for blanks, so that no line is longer than width where words allow it; phrases
 * that "; " parts get lines of their own. scols_wrapnl_nextchunk() breaks at them.
 */
static void wrap(char *cell, size_t width)
{
	char *line = cell, *blank = NULL;

	for (char *at = cell; *at; at++) {
		if (at[0] == ';' && at[1] == ' ') {
			*at = '\n';
			memmove(at + 1, at + 2, strlen(at + 2) + 1);
		}
		if (*at == ' ')
			blank = at;
		if (blank && *at != '\n' && (size_t)(at - line) >= width) {
			*blank = '\n';
			line = blank + 1;
			blank = NULL;
		} else if (*at == '\n') {
			line = at + 1;
			blank = NULL;
		}
	}
}

/* The cells that are left for the column that wraps, once all that may not be cut is there. */
static size_t wrap_width(const struct filling *filling, struct json_object *rows)
{
	size_t width = scols_table_get_termwidth(filling->out), used = 0;

	for (size_t i = 0; i < filling->shown_count; i++) {
		const struct table_column *column = &filling->table->columns[filling->shown[i]];
		size_t widest = strlen(column->name);
		char cell[CELL_SIZE];

		if (column->flags & SCOLS_FL_WRAP)
			continue;
		for (size_t row = 0; row < json_object_array_length(rows); row++) {
			set_cell(json_object_array_get_idx(rows, row), column->key, cell);
			if (strlen(cell) > widest)
				widest = strlen(cell);
		}
		if (column->flags & SCOLS_FL_TRUNC)
			widest = (size_t)column->width;
		used += widest + 1 + (!i && filling->table->branch ? 2 : 0);
	}
	return width > used + NARROWEST ? width - used : NARROWEST;
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
		if (filling->terminal &&
		    (filling->table->columns[filling->shown[i]].flags & SCOLS_FL_WRAP))
			wrap(cell, filling->wrap_width);
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

/* A row's branch and its place among the rows. */
struct placed {
	const char *branch;
	size_t index, first; /* first: of all rows of its branch */
};

static int by_branch(const void *a, const void *b)
{
	const struct placed *one = a, *other = b;
	int order = strcmp(one->branch, other->branch);

	return order ? order : (one->index > other->index) - (one->index < other->index);
}

static int by_first(const void *a, const void *b)
{
	const struct placed *one = a, *other = b;

	if (one->first != other->first)
		return one->first < other->first ? -1 : 1;
	return (one->index > other->index) - (one->index < other->index);
}

/* Rows in the order of a tree: branches as their first rows come, and the rows of each together. */
static struct placed *place_rows(const struct filling *filling, struct json_object *rows)
{
	size_t count = json_object_array_length(rows);
	struct placed *placed = calloc(count + 1, sizeof(*placed));

	for (size_t i = 0; placed && i < count; i++)
		placed[i] = (struct placed){ json_get_string(json_object_array_get_idx(rows, i),
							     filling->table->branch),
					     i, i };
	if (!placed)
		return NULL;
	qsort(placed, count, sizeof(*placed), by_branch);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(placed[i].branch, placed[i - 1].branch))
			placed[i].first = placed[i - 1].first;
	qsort(placed, count, sizeof(*placed), by_first);
	return placed;
}

static bool add_rows(struct filling *filling, struct json_object *rows)
{
	size_t count = json_object_array_length(rows);
	bool tree = filling->table->branch;
	struct placed *placed = tree ? place_rows(filling, rows) : NULL;
	struct libscols_line *parent = NULL;
	bool ok = placed || !tree;

	for (size_t i = 0; ok && i < count; i++) {
		if (tree && (!i || placed[i].first != placed[i - 1].first)) {
			parent = add_branch(filling, placed[i].branch);
			ok = parent;
		}
		ok = ok && add_row(filling, rows, tree ? placed[i].index : i, parent);
	}
	free(placed);
	return ok;
}

static bool fill(struct filling *filling, struct json_object *rows, const struct options *options)
{
	struct libscols_table *out = filling->out;
	const char *no_colour = getenv("NO_COLOR");

	(void)scols_table_enable_raw(out, options->raw);
	(void)scols_table_enable_noheadings(out, options->noheadings);
	(void)scols_table_enable_colors(out, isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]));
	if (filling->terminal)
		filling->wrap_width = wrap_width(filling, rows);
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
