/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy.h"

#include "table.h"
#include "value.h"
#include "world.h"

struct accepted {
	const char *name, *text;
	const char *want; /* print_rules() */
};

static const struct accepted accepted[] = {
	{ "a rule of one class name", "bind vga\n", "1 bind class=1\n" },
	{ "a rule of several class names", "bind vga,audio,usb\n", "1 bind class=3\n" },
	{ "a rule of one bare address", "bind 0000:41:00.0\n", "1 bind address=1\n" },
	{ "a rule of several bare addresses", "bind 41:00.0,42:00.*\n", "1 bind address=2\n" },
	{ "every selector there is",
	  "bind address=41:00.0 id=10de:* subsystem=*:0001 class=03 path=0000:40/01.1/00.0 "
	  "boot_vga=0 "
	  "boot_display=0 slot=3 dsn=00-25-38-b1-21-00-51-3a\n",
	  "1 bind address=1 id=1 subsystem=1 class=1 path=1 boot_vga=1 boot_display=1 slot=1 "
	  "dsn=1\n" },
	{ "every selector takes a list",
	  "keep address=41:00.0,42:00.0 id=10de:*,1002:* subsystem=*:0001,1043:* class=03,0403 "
	  "path=0000:40/01.1,0000:40/01.2 boot_vga=0,1 boot_display=1,0 slot=3,4 "
	  "dsn=00-25-38-b1-21-00-51-3a,00-25-38-b1-21-00-51-3b\n",
	  "1 keep address=2 id=2 subsystem=2 class=2 path=2 boot_vga=2 boot_display=2 slot=2 "
	  "dsn=2\n" },
	{ "a keep rule", "keep 0000:05:00.0\n", "1 keep address=1\n" },
	{ "rules know their lines", "\n# a comment\nbind vga\n\nkeep usb\n",
	  "3 bind class=1\n5 keep class=1\n" },
	{ "blanks and tabs in any number", " \t bind\t\tvga  \t\n", "1 bind class=1\n" },
	{ "a comment behind a rule", "bind vga # the card\n", "1 bind class=1\n" },
	{ "a comment that begins a line", "#bind vga\n", "" },
	{ "virtual functions", "bind pf=01:00.0,0000:00/01.0 vf=0,3-5\n", "1 bind pf=2 vf=2\n" },
	{ "a hash inside a word is part of it", "bind slot=a#b\n", "1 bind slot=1\n" },
	{ "quotes keep a blank in a value", "bind slot=\"PCI 3\"\n", "1 bind slot=1\n" },
	{ "quotes keep a hash in a value", "bind slot=\"# 3\" # three\n", "1 bind slot=1\n" },
	{ "a quote in a comment is nothing", "bind vga # \"\n", "1 bind class=1\n" },
	{ "quotes around a slot's name with a comma", "bind slot=\"PCI 3,PCI 4\"\n",
	  "1 bind slot=1\n" },
	{ "DOS line ends", "bind vga\r\nkeep usb\r\n", "1 bind class=1\n2 keep class=1\n" },
	{ "a DOS line end at the end of the text", "bind vga\r", "1 bind class=1\n" },
	{ "a last line without its end", "keep usb\nbind vga", "1 keep class=1\n2 bind class=1\n" },
	{ "a byte order mark",
	  "\xef\xbb\xbf"
	  "bind vga\n",
	  "1 bind class=1\n" },
	{ "a byte order mark and nothing else", "\xef\xbb\xbf", "" },
	{ "a comment in UTF-8", "bind vga # grüße\n", "1 bind class=1\n" },
	{ "accept cmdline", "accept cmdline\n", "accept cmdline\n" },
	{ "accept cmdline said twice", "accept cmdline\naccept  cmdline # twice\n",
	  "accept cmdline\n" },
	{ "an empty text", "", "" },
	{ "a text of blanks and comments", "\n\t\n  # nothing\n\r\n", "" },
	{ "a line of 4096 bytes", NULL, "1 bind class=1\n" },
	{ "allow=host-... where one address is named", "bind 01:00.0 allow=host-storage\n",
	  "1 bind address=1\n" },
	{ "allow=host-... where one path is named", "bind path=0000:00/01.0 allow=host-network\n",
	  "1 bind path=1\n" },
	{ "allow=host-... where one serial number is named",
	  "bind dsn=00-00-00-00-00-00-00-01 allow=host-input\n", "1 bind dsn=1\n" },
};

static void print_rules(char *out)
{
	*out = '\0';
	if (policy.accept_cmdline)
		out += sprintf(out, "accept cmdline\n");
	for (size_t r = 0; r < policy.rule_count; r++) {
		const struct rule *rule = &policy.rules[r];

		out += sprintf(out, "%u %s", rule->line, rule->verb == VERB_BIND ? "bind" : "keep");
		for (enum selector s = 0; s < SELECTORS; s++)
			if (rule_has(rule, s))
				out += sprintf(out, " %s=%u", selector_key(s),
					       rule->select[s].count);
		out += sprintf(out, "\n");
	}
}

static void check_accepted(void **state)
{
	const struct accepted *row = *state;
	static char text[8192];
	char got[1024], mistakes[1024];

	strcpy(text, row->text ? row->text : "bind vga #");
	for (size_t len = strlen(text); !row->text && len < POLICY_LINE_MAX; len++)
		text[len] = 'x';
	if (!row->text)
		strcpy(text + POLICY_LINE_MAX, "\n");
	assert_true(set_policy(text, strlen(text), mistakes));
	assert_string_equal(mistakes, "");
	print_rules(got);
	assert_string_equal(got, row->want);
}

struct mistaken {
	const char *name, *text;
	const char *want; /* LINE:COLUMN ... */
};

static const struct mistaken mistaken[] = {
	{ "a verb nobody knows", "  take vga\n", "1:3" },
	{ "a verb in capitals", "Bind vga\n", "1:1" },
	{ "a verb with a value", "bind=vga\n", "1:1" },
	{ "a verb in quotes", "\"bind\" vga\n", "1:1" },
	{ "of a line with an unknown verb nothing else is judged", "take id=zz\n", "1:1" },
	{ "a word nobody knows", "bind vga colour=red\n", "1:10" },
	{ "a bare word nobody knows", "bind graphics\n", "1:6" },
	{ "a class name in capitals", "bind VGA\n", "1:6" },
	{ "a word with nothing before =", "bind =vga\n", "1:6" },
	{ "a selector said twice", "bind id=10de:1c82 vga id=10de:1c83\n", "1:23" },
	{ "a class said by name and by number", "bind vga class=0300\n", "1:10" },
	{ "an address said bare and by name", "bind address=01:00.0 01:00.0\n", "1:22" },
	{ "an option said twice", "bind vga with=none with=group\n", "1:20" },
	{ "required said twice", "bind vga required required\n", "1:19" },
	{ "required with a value", "bind vga required=1\n", "1:10" },
	{ "required in quotes", "bind vga \"required\"\n", "1:10" },
	{ "an option on keep", "keep vga with=none\n", "1:10" },
	{ "required on keep", "keep vga required\n", "1:10" },
	{ "bind without a selector", "bind\n", "1:5" },
	{ "bind with options only", "bind with=none   required  # all\n", "1:26" },
	{ "keep without a selector", "\tkeep\t# what?\n", "1:6" },
	{ "a value that is empty", "bind id=\n", "1:9" },
	{ "a slot's name of 64 bytes",
	  "bind slot=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "1:11" },
	{ "a selector twice, the first with a mistake", "bind 0000: 00:1f.2\n", "1:6 1:12" },
	{ "vf= without pf=", "bind nvme vf=1\n", "1:11" },
	{ "vfs= without pf=", "bind nvme vfs=12\n", "1:15" },
	{ "an index range that goes down", "bind pf=01:00.0 vf=3-1\n", "1:20" },
	{ "an index past the last", "bind pf=01:00.0 vf=0,65535\n", "1:22" },
	{ "an index range past the last", "bind pf=01:00.0 vf=3-65535\n", "1:20" },
	{ "all functions of a slot as a physical function", "bind pf=01:00.*\n", "1:9" },
	{ "a quoted value that is empty", "bind slot=\"\"\n", "1:12" },
	{ "a value that is malformed", "bind nvme id=144x:a80a\n", "1:14" },
	{ "a malformed item of a list", "bind id=144d:a80a,144x:a80a,1\n", "1:19 1:29" },
	{ "an empty item of a list", "bind id=144d:a80a,,144d:a80b\n", "1:19" },
	{ "an empty item at the end of a list", "bind vga,\n", "1:10" },
	{ "a class name that is none in a list of them", "bind vga,sound,usb\n", "1:10" },
	{ "an address in a list of class names", "bind vga,01:00.0\n", "1:10" },
	{ "a class name in a list of addresses", "bind 01:00.0,vga\n", "1:14" },
	{ "a malformed bare address", "bind 0000:01:00.9\n", "1:6" },
	{ "a malformed item in quotes", "bind id=\"10de:1234,\"\n", "1:20" },
	{ "a class name that is none behind class=", "bind class=vgas\n", "1:12" },
	{ "a quote that is not closed", "bind vga slot=\"PCI 3\n", "1:15" },
	{ "a quote inside a value", "bind slot=PCI\" 3\"\n", "1:11 1:16" },
	{ "something behind a closing quote", "bind slot=\"PCI\"3\n", "1:16" },
	{ "NUL", "bind vga \0# here", "1:10" },
	{ "NUL in a comment", "bind vga # \0 here", "1:12" },
	{ "a line over 4096 bytes", NULL, "1:4097" },
	{ "a carriage return inside a line", "bind vga\rkeep usb\n", "1:6" },
	{ "every mistake of a line", "bind id=zz nth=0 colour=red allow=all,none\n",
	  "1:9 1:16 1:18 1:35 1:39" },
	{ "every line with a mistake", "bind\nkeep vga\nfoo\n\nkeep\n", "1:5 3:1 5:5" },
	{ "the line behind a byte order mark begins at column 1",
	  "\xef\xbb\xbf"
	  "foo\n",
	  "1:1" },
	{ "columns count bytes", "bind slot=\xc3\xbc foo\n", "1:14" },
	{ "accept without a word", "accept\n", "1:7" },
	{ "accept without a word before a comment", "accept  # what?\n", "1:7" },
	{ "a quote that is not closed behind accept", "accept \"cmdline\n", "1:8" },
	{ "a quote that is not closed at the begin of a line", "\"bind vga\n", "1:1" },
	{ "something behind the closing quote of what would be malformed too", "bind id=\"zz\"3\n",
	  "1:13" },
	{ "accept with another word", "accept everything\n", "1:8" },
	{ "accept cmdline with more", "accept cmdline always\n", "1:16" },
	{ "allow=host-... on a class", "bind nvme allow=host-storage\n", "1:17" },
	{ "allow=host-... on a slot", "bind slot=3 allow=host-storage\n", "1:19" },
	{ "allow=host-... on every function of a slot", "bind 01:00.* allow=host-storage\n",
	  "1:20" },
	{ "allow=host-... on two addresses", "bind 01:00.0,02:00.0 allow=host-storage\n", "1:28" },
	{ "allow=host-... on two paths", "bind path=0000:00/01.0,0000:00/02.0 allow=host-storage\n",
	  "1:43" },
	{ "the first host-... of a list is the one blamed",
	  "bind nvme allow=no-iommu,host-storage,host-input\n", "1:26" },
	{ "a rule with a mistake in a word is not blamed for lacking one too",
	  "bind nth=1 allow=host-input colour=red\n", "1:29" },
};

static void check_mistaken(void **state)
{
	const struct mistaken *row = *state;
	static char text[8192];
	size_t len = row->text ? strlen(row->text) : POLICY_LINE_MAX + 1;
	char mistakes[1024];

	memset(text, 'x', sizeof(text));
	if (row->text && !text_ends(text_of(row->text), "\n"))
		len += 1 + strlen(row->text + len + 1); /* behind a NUL */
	if (row->text)
		memcpy(text, row->text, len);
	assert_false(set_policy(text, len, mistakes));
	assert_string_equal(mistakes, row->want);
}

struct repeated {
	const char *name, *line;
	size_t times;
	bool ok;
	const char *want; /* the mistakes */
};

static const struct repeated repeated[] = {
	{ "256 rules are taken", "bind vga\n", POLICY_RULES_MAX, true, "" },
	{ "the rule over the limit is told", "bind vga\n", POLICY_RULES_MAX + 1, false, "257:1" },
	{ "comments count for nothing", "# vga\n", 2000, true, "" },
	{ "the longest lists there can be are taken",
	  "bind "
	  "class=03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,"
	  "03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,"
	  "03,"
	  "03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03,03\n",
	  POLICY_RULES_MAX, true, "" },
};

static void check_repeated(void **state)
{
	const struct repeated *row = *state;
	size_t len = strlen(row->line);
	char *text = malloc(row->times * len + 1), mistakes[1024];
	bool ok;

	assert_non_null(text);
	for (size_t i = 0; i < row->times; i++)
		memcpy(text + i * len, row->line, len);
	ok = set_policy(text, row->times * len, mistakes);
	free(text);
	assert_string_equal(mistakes, row->want);
	assert_int_equal(ok, row->ok);
}

int main(void)
{
	return TABLE(accepted, check_accepted) + TABLE(mistaken, check_mistaken) +
	       TABLE(repeated, check_repeated);
}
