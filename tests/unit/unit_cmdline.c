/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmdline.h"

#include "table.h"
#include "world.h"

struct mode_row {
	const char *name, *cmdline;
	enum mode mode;
	const char *decided_by;
	bool unknown;
};

static const struct mode_row modes[] = {
	{ "on if nothing is said", "quiet root=/dev/sda1\n", MODE_ON, "", false },
	{ "on by 1", "rd.vfio_bind=1", MODE_ON, "rd.vfio_bind=1", false },
	{ "on by on", "rd.vfio_bind=on", MODE_ON, "rd.vfio_bind=on", false },
	{ "on by yes", "rd.vfio_bind=yes", MODE_ON, "rd.vfio_bind=yes", false },
	{ "off by 0", "quiet rd.vfio_bind=0 splash", MODE_OFF, "rd.vfio_bind=0", false },
	{ "off by off", "rd.vfio_bind=off", MODE_OFF, "rd.vfio_bind=off", false },
	{ "off by no", "rd.vfio_bind=no", MODE_OFF, "rd.vfio_bind=no", false },
	{ "off by the short word", "vfio_bind=off", MODE_OFF, "vfio_bind=off", false },
	{ "dry-run", "rd.vfio_bind=dry-run\n", MODE_DRY_RUN, "rd.vfio_bind=dry-run", false },
	{ "a dash in the name", "rd.vfio-bind=0", MODE_OFF, "rd.vfio-bind=0", false },
	{ "a dash in the short name", "vfio-bind=off", MODE_OFF, "vfio-bind=off", false },
	{ "an unknown value is off", "rd.vfio_bind=of", MODE_OFF, "rd.vfio_bind=of", true },
	{ "no value is unknown", "rd.vfio_bind", MODE_OFF, "rd.vfio_bind", true },
	{ "an empty value is unknown", "rd.vfio_bind=", MODE_OFF, "rd.vfio_bind=", true },
	{ "a value in capitals is unknown", "rd.vfio_bind=ON", MODE_OFF, "rd.vfio_bind=ON", true },
	{ "an underscore in a value is not a dash", "rd.vfio_bind=dry_run", MODE_OFF,
	  "rd.vfio_bind=dry_run", true },
	{ "off wins over on behind it", "rd.vfio_bind=0 rd.vfio_bind=1", MODE_OFF, "rd.vfio_bind=0",
	  false },
	{ "off wins over on before it", "rd.vfio_bind=1 vfio_bind=off", MODE_OFF, "vfio_bind=off",
	  false },
	{ "off wins over dry-run", "rd.vfio_bind=dry-run rd.vfio_bind=0", MODE_OFF,
	  "rd.vfio_bind=0", false },
	{ "dry-run wins over on", "rd.vfio_bind=dry-run rd.vfio_bind=1", MODE_DRY_RUN,
	  "rd.vfio_bind=dry-run", false },
	{ "an unknown value wins over on", "rd.vfio_bind=1 rd.vfio_bind=maybe", MODE_OFF,
	  "rd.vfio_bind=maybe", true },
	{ "a word behind -- is for init", "quiet -- rd.vfio_bind=0", MODE_ON, "", false },
	{ "a word that only begins alike is another", "rd.vfio_binder=0", MODE_ON, "", false },
	{ "a word that only ends alike is another", "xrd.vfio_bind=0", MODE_ON, "", false },
	{ "a first letter of another kind makes another word", "bfio_bind=0", MODE_ON, "", false },
	{ "case of the name counts", "RD.vfio_bind=0", MODE_ON, "", false },
	{ "a word inside quotes is none", "foo=\"a rd.vfio_bind=0 b\"", MODE_ON, "", false },
	{ "quotes around the value are none of it", "rd.vfio_bind=\"dry-run\"", MODE_DRY_RUN,
	  "rd.vfio_bind=\"dry-run\"", false },
	{ "quotes around the whole word are none of it", "\"rd.vfio_bind=off\"", MODE_OFF,
	  "\"rd.vfio_bind=off\"", false },
};

static void check_mode(void **state)
{
	const struct mode_row *row = *state;
	struct words words;

	cmdline_read(text_of(row->cmdline), &words);
	assert_int_equal(words.mode, row->mode);
	assert_int_equal(words.unknown_value, row->unknown);
	assert_true(text_is(words.decided_by, row->decided_by));
}

struct rules_row {
	const char *name, *cmdline;
	bool accept;
	const char *want;     /* the rules, or */
	const char *mistakes; /* LINE:COLUMN */
	const char *ignored;
};

static const struct rules_row rules[] = {
	{ "keep adds a veto", "rd.vfio_bind.keep=01:00.0", false, "keep 1:00.0;", "", "" },
	{ "keep takes a list", "rd.vfio_bind.keep=01:00.0,0000:02:00.*", false,
	  "keep 1:00.0;keep 2:00.*;", "", "" },
	{ "keep may be said twice", "rd.vfio_bind.keep=01:00.0 rd.vfio_bind.keep=02:00.0", false,
	  "keep 1:00.0;keep 2:00.0;", "", "" },
	{ "keep with a dash in its name", "rd.vfio-bind.keep=01:00.0", false, "keep 1:00.0;", "",
	  "" },
	{ "keep behind -- is for init", "-- rd.vfio_bind.keep=01:00.0", false, "", "", "" },
	{ "keep takes addresses only", "rd.vfio_bind.keep=vga", false, "", "1:19", "" },
	{ "keep takes no id", "rd.vfio_bind.keep=01:00.0+10de:1c82", false, "", "1:26", "" },
	{ "keep takes an address", "rd.vfio_bind.keep=", false, "", "1:19", "" },
	{ "keep takes a value", "rd.vfio_bind.keep quiet", false, "", "1:18", "" },
	{ "the malformed item of a list is the one blamed",
	  "rd.vfio_bind.keep=01:00.0,2:00.0,03:00.0", false, "keep 1:00.0;keep 3:00.0;", "1:27",
	  "" },
	{ "columns are those of the word", "quiet  rd.vfio_bind.keep=x", false, "", "1:19", "" },
	{ "each word is a line of its own",
	  "rd.vfio_bind.keep=01:00.0 quiet rd.vfio_bind.bind=x rd.vfio_bind.keep=y", true,
	  "keep 1:00.0;", "2:19 3:19", "" },
	{ "bind is ignored without accept cmdline", "rd.vfio_bind.bind=01:00.0", false, "", "",
	  "rd.vfio_bind.bind=01:00.0" },
	{ "a mistake in a bind that is ignored is none", "rd.vfio_bind.bind=vga", false, "", "",
	  "rd.vfio_bind.bind=vga" },
	{ "bind adds a rule", "rd.vfio_bind.bind=01:00.0", true, "bind 1:00.0;", "", "" },
	{ "bind takes an id", "rd.vfio_bind.bind=01:00.0+10de:1c82,02:00.0", true,
	  "bind 1:00.0+10de:1c82;bind 2:00.0;", "", "" },
	{ "bind takes a whole id", "rd.vfio_bind.bind=01:00.0+10de", true, "", "1:27", "" },
	{ "bind takes an id behind +", "rd.vfio_bind.bind=01:00.0+", true, "", "1:27", "" },
	{ "bind takes addresses only", "rd.vfio_bind.bind=vga", true, "", "1:19", "" },
	{ "rule is ignored without accept cmdline", "rd.vfio_bind.rule=\"bind 01:00.0\"", false, "",
	  "", "rd.vfio_bind.rule=\"bind 01:00.0\"" },
	{ "rule adds a rule", "rd.vfio_bind.rule=\"bind 01:00.0 id=10de:1c82\"", true,
	  "bind 1:00.0+10de:1c82;", "", "" },
	{ "rule adds a veto", "rd.vfio-bind.rule=\"keep 01:00.0\"", true, "keep 1:00.0;", "", "" },
	{ "quotes around the whole of it", "\"rd.vfio_bind.rule=bind 01:00.0\" quiet", true,
	  "bind 1:00.0;", "", "" },
	{ "quotes that are left open", "rd.vfio_bind.rule=\"bind 01:00.0", true, "bind 1:00.0;", "",
	  "" },
	{ "rule may be said as often as wanted",
	  "rd.vfio_bind.rule=\"bind 01:00.0\" rd.vfio_bind.rule=\"bind 02:00.0\"", true,
	  "bind 1:00.0;bind 2:00.0;", "", "" },
	{ "quotes around a value inside", "rd.vfio_bind.rule=\"bind address=\"01:00.0\"\"", true,
	  "bind 1:00.0;", "", "" },
	{ "a blank in quotes inside ends the word",
	  "rd.vfio_bind.rule=\"bind 01:00.0 slot=\"PCI 3\"\"", true, "", "1:38", "" },
	{ "a comment in a rule", "rd.vfio_bind.rule=\"bind 01:00.0 # one\"", true, "bind 1:00.0;",
	  "", "" },
	{ "columns count from the word's first byte", "rd.vfio_bind.rule=\"bind vga id=1\"", true,
	  "", "1:32", "" },
	{ "and its first quote is one", "\"rd.vfio_bind.rule=bind vga id=1\"", true, "", "1:32",
	  "" },
	{ "rule accepts nothing", "rd.vfio_bind.rule=\"accept cmdline\"", true, "", "1:20", "" },
	{ "rule takes bind or keep", "rd.vfio_bind.rule=\"bin vga\"", true, "", "1:20", "" },
	{ "rule takes a rule", "rd.vfio_bind.rule=", true, "", "1:19", "" },
	{ "rule takes a value", "rd.vfio_bind.rule", true, "", "1:18", "" },
	{ "rule takes more than blanks", "rd.vfio_bind.rule=\"  \"", true, "", "1:22", "" },
	{ "rule takes more than a comment", "rd.vfio_bind.rule=\" # none\"", true, "", "1:21", "" },
	{ "rule lifts guards", "rd.vfio_bind.rule=\"bind 01:00.0 allow=no-iommu\"", true,
	  "bind 1:00.0;", "", "" },
	{ "rule takes nothing that the host lives on",
	  "rd.vfio_bind.rule=\"bind 01:00.0 allow=no-iommu,host-input\"", true, "", "1:48", "" },
	{ "rule behind -- is for init", "-- rd.vfio_bind.rule=\"bind 01:00.0\"", true, "", "", "" },
};

static void print_rules(char *out)
{
	*out = '\0';
	for (size_t r = 0; r < policy.rule_count; r++) {
		const struct rule *rule = &policy.rules[r];
		const union value *at = &policy.values[rule->select[SELECT_ADDRESS].first];
		const union value *id = &policy.values[rule->select[SELECT_ID].first];

		out += sprintf(out, "%s %x:%02x.%c", rule->verb == VERB_BIND ? "bind" : "keep",
			       at->address.at.bus, at->address.at.devfn >> 3,
			       at->address.any_function ? '*' : '0' + (at->address.at.devfn & 7));
		if (rule_has(rule, SELECT_ID))
			out += sprintf(out, "+%04x:%04x", id->id.vendor, id->id.device);
		out += sprintf(out, ";");
	}
}

static void check_rules(void **state)
{
	const struct rules_row *row = *state;
	char mistakes[256] = "", got[256];
	struct notes notes = { { note_mistake, 0 }, mistakes };
	struct words words = { 0 };

	memset(&policy, 0, sizeof(policy));
	policy.accept_cmdline = row->accept;
	assert_int_equal(cmdline_rules(text_of(row->cmdline), &words, &policy, &notes.diag),
			 !*row->mistakes);
	assert_string_equal(mistakes, row->mistakes);
	print_rules(got);
	assert_string_equal(got, row->want);
	assert_true(text_is(words.ignored, row->ignored));
}

struct word_row {
	const char *name, *cmdline, *init, *unknown;
};

static const struct word_row words_of_ours[] = {
	{ "the next init is named", "rd.vfio_bind.init=/sbin/init", "/sbin/init", "" },
	{ "the last init named counts", "rd.vfio_bind.init=/a rd.vfio_bind.init=/b", "/b", "" },
	{ "a word of ours that nobody knows is told", "rd.vfio_bind.kep=01:00.0", "",
	  "rd.vfio_bind.kep=01:00.0" },
	{ "a word for a rule is known", "rd.vfio_bind.rule=\"bind vga\"", "", "" },
	{ "words of others are not", "rd.luks.uuid=1 vfio-pci.ids=1:1 rd.vfio=1", "", "" },
};

static void check_word(void **state)
{
	const struct word_row *row = *state;
	struct words words;

	cmdline_read(text_of(row->cmdline), &words);
	assert_true(text_is(words.init, row->init));
	assert_true(text_is(words.unknown_word, row->unknown));
}

struct undo_row {
	const char *name, *cmdline;
	uint32_t undo;
	bool root;
	const char *unknown;
};

static const struct undo_row undoes[] = {
	{ "a root device is waited for 15 seconds", "quiet", 15, false, "" },
	{ "a number is the seconds", "rd.vfio_bind.undo=40", 40, false, "" },
	{ "a dash in the name", "rd.vfio-bind.undo=40", 40, false, "" },
	{ "0 is never", "rd.vfio_bind.undo=0", 0, false, "" },
	{ "off is never", "rd.vfio_bind.undo=off", 0, false, "" },
	{ "no is never", "rd.vfio_bind.undo=no", 0, false, "" },
	{ "the last one counts", "rd.vfio_bind.undo=0 rd.vfio_bind.undo=7", 7, false, "" },
	{ "a day is the most", "rd.vfio_bind.undo=86400", 86400, false, "" },
	{ "more is told, and is none", "rd.vfio_bind.undo=86401", 15, false,
	  "rd.vfio_bind.undo=86401" },
	{ "what is no number is told", "rd.vfio_bind.undo=1m", 15, false, "rd.vfio_bind.undo=1m" },
	{ "no value is told", "rd.vfio_bind.undo", 15, false, "rd.vfio_bind.undo" },
	{ "behind -- it is for init", "-- rd.vfio_bind.undo=0 root=/dev/sda1", 15, false, "" },
	{ "a root is named", "root=UUID=1 quiet", 15, true, "" },
	{ "a root behind other words", "quiet root=/dev/sda1", 15, true, "" },
	{ "rootdelay is no root", "rootdelay=5", 15, false, "" },
};

static void check_undo(void **state)
{
	const struct undo_row *row = *state;
	struct words words;

	cmdline_read(text_of(row->cmdline), &words);
	assert_int_equal(words.undo, row->undo);
	assert_int_equal(words.root, row->root);
	assert_true(text_is(words.unknown_word, row->unknown));
}

int main(void)
{
	return TABLE(modes, check_mode) + TABLE(rules, check_rules) +
	       TABLE(words_of_ours, check_word) + TABLE(undoes, check_undo);
}
