/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trial_text.h"

#include "table.h"

#define DIGEST "0123456789abcdef"
#define ID     "fedcba98765432100123456789ABCDEF"
#define BEGIN  "vfio-bind-trial 1\nboots 3\npolicy " DIGEST "\n"

struct trial_row {
	const char *name, *text;
	bool ok;
	unsigned boots;
	const char *boot;
};

static const struct trial_row rows[] = {
	{ "no boot was counted yet", BEGIN, true, 3, "" },
	{ "a boot was counted", BEGIN "boot " ID "\n", true, 3, ID },
	{ "no boot is left", "vfio-bind-trial 1\nboots 0\npolicy " DIGEST "\n", true, 0, "" },
	{ "as many as can be", "vfio-bind-trial 1\nboots 99\npolicy " DIGEST "\n", true, 99, "" },
	{ "one more than can be", "vfio-bind-trial 1\nboots 100\npolicy " DIGEST "\n", false, 0,
	  0 },
	{ "a number that is none", "vfio-bind-trial 1\nboots x\npolicy " DIGEST "\n", false, 0, 0 },
	{ "a line without a value", "vfio-bind-trial 1\nboots\npolicy " DIGEST "\n", false, 0, 0 },
	{ "a line of another name", "vfio-bind-trial 1\nboats 3\npolicy " DIGEST "\n", false, 0,
	  0 },
	{ "another version", "vfio-bind-trial 2\nboots 3\npolicy " DIGEST "\n", false, 0, 0 },
	{ "nothing", "", false, 0, 0 },
	{ "a header alone", "vfio-bind-trial 1\n", false, 0, 0 },
	{ "cut in the header", "vfio-bind-trial 1", false, 0, 0 },
	{ "cut behind the boots", "vfio-bind-trial 1\nboots 3\n", false, 0, 0 },
	{ "cut before the end of a line", "vfio-bind-trial 1\nboots 3\npolicy " DIGEST, false, 0,
	  0 },
	{ "a digest too short", "vfio-bind-trial 1\nboots 3\npolicy 0123456789abcde\n", false, 0,
	  0 },
	{ "a digest too long", "vfio-bind-trial 1\nboots 3\npolicy " DIGEST "0\n", false, 0, 0 },
	{ "a digest of other letters", "vfio-bind-trial 1\nboots 3\npolicy 0123456789abcdeg\n",
	  false, 0, 0 },
	{ "lines in another order", "vfio-bind-trial 1\npolicy " DIGEST "\nboots 3\n", false, 0,
	  0 },
	{ "a boot of no id", BEGIN "boot \n", false, 0, 0 },
	{ "a boot cut short", BEGIN "boot " ID, false, 0, 0 },
	{ "more behind it", BEGIN "boot " ID "\n\n", false, 0, 0 },
	{ "another line behind it", BEGIN "bolt " ID "\n", false, 0, 0 },
};

/* What is read is written again as it was. */
static void check_row(void **state)
{
	const struct trial_row *row = *state;
	char text[TRIAL_TEXT_SIZE];
	struct trial trial;

	assert_int_equal(trial_parse(&trial, text_of(row->text)), row->ok);
	if (!row->ok)
		return;
	assert_int_equal(trial.boots, row->boots);
	assert_string_equal(trial.policy, DIGEST);
	assert_string_equal(trial.boot, row->boot);
	assert_int_equal(trial_format(&trial, text), strlen(row->text));
	assert_string_equal(text, row->text);
}

int main(void)
{
	return TABLE(rows, check_row);
}
