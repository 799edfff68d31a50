/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reset.h"

#include "table.h"

#include <string.h>

struct row {
	const char *name, *asked, *there;
	const char *chosen; /* what is to be written */
	const char *told;   /* what is not there */
};

/* 40 names, of which none is there. */
#define TEN  "a,a,a,a,a,a,a,a,a,a"
#define LONG "abcdefghijklmnopqrstuvwxyz01234"
/* RESET_SIZE, with its NUL. */
#define FULL LONG "," LONG "," LONG "," LONG

static const struct row rows[] = {
	{ "one that is there", "flr", "flr bus", "flr", "" },
	{ "one that is not", "pm", "flr bus", "", "pm" },
	{ "in the order of the rule", "bus,flr", "flr bus", "bus flr", "" },
	{ "those that are there, without the others", "af_flr,bus,pm,flr", "flr bus", "bus flr",
	  "af_flr,pm" },
	{ "a name that only begins alike", "bu,bus_,flr", "bus", "", "bu,bus_,flr" },
	{ "the last name there is", "pm", "flr bus pm", "pm", "" },
	{ "nothing is there", "flr,bus", "", "", "flr,bus" },
	{ "more than 32 names: the last count for nothing", TEN "," TEN "," TEN ",flr,pm,bus,bus",
	  "flr bus", "flr", TEN "," TEN "," TEN ",pm" },
	{ "as many as fit", FULL, "", "", FULL },
	{ "and no byte more", FULL ",a", "", "", FULL },
};

static void check_row(void **state)
{
	const struct row *row = *state;
	unsigned missing = reset_missing(text_of(row->asked), text_of(row->there));
	char out[RESET_SIZE];

	reset_list(text_of(row->asked), missing, ',', out);
	assert_string_equal(out, row->told);
	reset_list(text_of(row->asked), ~missing, ' ', out);
	assert_string_equal(out, row->chosen);
}

int main(void)
{
	return TABLE(rows, check_row);
}
