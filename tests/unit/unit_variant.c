/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "variant.h"

#include "table.h"

#include <stdio.h>

#define ALL "vfio_pci:v*d*sv*sd*bc*sc*i*"

/* 15b3:101e, subsystem 1028:00af, class 0c8abc. */
static const struct device device = {
	.vendor = 0x15b3,
	.device = 0x101e,
	.subvendor = 0x1028,
	.subdevice = 0x00af,
	.class = 0x0c8abc,
};

struct alias_row {
	const char *name, *alias;
	int wildcards; /* -1: it does not match */
};

static const struct alias_row aliases[] = {
	{ "an alias of nothing but wildcards matches", ALL, 7 },
	{ "an alias of ids matches the device", "vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*", 5 },
	{ "an alias may say all there is",
	  "vfio_pci:v000015B3d0000101Esv00001028sd000000AFbc0Csc8AiBC", 0 },
	{ "another vendor", "vfio_pci:v000015B2d0000101Esv*sd*bc*sc*i*", -1 },
	{ "another device", "vfio_pci:v000015B3d0000101Dsv*sd*bc*sc*i*", -1 },
	{ "a wildcard before the device that is another", "vfio_pci:v*d0000101Dsv*sd*bc*sc*i*",
	  -1 },
	{ "a device of any vendor", "vfio_pci:v*d0000101Esv*sd*bc*sc*i*", 6 },
	{ "the subsystem's vendor", "vfio_pci:v*d*sv00001028sd*bc*sc*i*", 6 },
	{ "another one", "vfio_pci:v*d*sv00001029sd*bc*sc*i*", -1 },
	{ "the subsystem's device", "vfio_pci:v*d*sv*sd000000AFbc*sc*i*", 6 },
	{ "another of it", "vfio_pci:v*d*sv*sd000000BFbc*sc*i*", -1 },
	{ "the base class", "vfio_pci:v*d*sv*sd*bc0Csc*i*", 6 },
	{ "another base class", "vfio_pci:v*d*sv*sd*bc0Dsc*i*", -1 },
	{ "the subclass", "vfio_pci:v*d*sv*sd*bc*sc8Ai*", 6 },
	{ "another subclass", "vfio_pci:v*d*sv*sd*bc*sc8Bi*", -1 },
	{ "the programming interface", "vfio_pci:v*d*sv*sd*bc*sc*iBC", 6 },
	{ "another programming interface", "vfio_pci:v*d*sv*sd*bc*sc*iBD", -1 },
	{ "digits that say more than 16 bits", "vfio_pci:v100015B3d*sv*sd*bc*sc*i*", -1 },
	{ "fewer digits", "vfio_pci:v15B3d0000101Esv*sd*bc*sc*i*", -1 },
	{ "small digits", "vfio_pci:v000015b3d0000101Esv*sd*bc*sc*i*", -1 },
	{ "an alias that autoloads is no variant's", "pci:v*d*sv*sd*bc*sc*i*", -1 },
	{ "an alias cut short", "vfio_pci:v*d*sv*sd*bc*sc*", -1 },
	{ "an alias cut within a value", "vfio_pci:v*d*sv*sd*bc*sc*iB", -1 },
	{ "an alias with more behind it", ALL "*", -1 },
	{ "no alias", "", -1 },
};

static void check_alias(void **state)
{
	const struct alias_row *row = *state;
	unsigned wildcards = 99;

	assert_int_equal(variant_matches(text_of(row->alias), &device, &wildcards),
			 row->wildcards >= 0);
	if (row->wildcards >= 0)
		assert_int_equal(wildcards, row->wildcards);
}

struct choice_row {
	const char *name, *steps, *want;
};

#define EXACT "vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*"

static const struct choice_row choices[] = {
	{ "without a plan it is vfio-pci", "", "vfio-pci" },
	{ "with modules only it is vfio-pci", "builtin vfio_pci\n", "vfio-pci" },
	{ "the variant that was made for it", "variant a_vfio_pci " EXACT "\n", "a_vfio_pci" },
	{ "the one with fewer wildcards, before the other",
	  "variant a_vfio_pci " EXACT "\nvariant b_vfio_pci " ALL "\n", "a_vfio_pci" },
	{ "the one with fewer wildcards, behind the other",
	  "variant vfio-pci " ALL "\nload b.ko required\nvariant a_vfio_pci " EXACT "\n",
	  "a_vfio_pci" },
	{ "of two alike the first", "variant b_vfio_pci " EXACT "\nvariant a_vfio_pci " EXACT "\n",
	  "b_vfio_pci" },
	{ "vfio-pci where all others are another device's",
	  "variant a_vfio_pci vfio_pci:v000015B3d0000101Fsv*sd*bc*sc*i*\n", "vfio-pci" },
	{ "what options say is no alias", "load a_vfio_pci required " EXACT "\n", "vfio-pci" },
	{ "a line that makes no sense ends it", "unload x\nvariant a_vfio_pci " EXACT "\n",
	  "vfio-pci" },
};

static void check_choice(void **state)
{
	const struct choice_row *row = *state;
	const struct rule named = { .driver = { "pci-stub", 8 } },
			  chosen = { .driver = { "auto", 4 } };

	assert_true(text_is(variant_for(text_of(row->steps), &device), row->want));
	assert_true(text_is(rule_driver(&chosen, text_of(row->steps), &device), row->want));
	assert_true(text_is(rule_driver(&named, text_of(row->steps), &device), "pci-stub"));
}

struct line_row {
	const char *name, *line, *want; /* "DRIVER ALIAS", or NULL */
};

static const struct line_row lines[] = {
	{ "a variant's alias", "alias " ALL " a_vfio_pci", "a_vfio_pci " ALL },
	{ "vfio-pci has the name of its driver", "alias " ALL " vfio_pci", "vfio-pci " ALL },
	{ "an alias that autoloads", "alias pci:v*d*sv*sd*bc*sc*i* a_vfio_pci", NULL },
	{ "an alias shorter than that", "alias vfio a_vfio_pci", NULL },
	{ "a driver that no rule may name", "alias " ALL " nvme", NULL },
	{ "a line without a module", "alias " ALL, NULL },
	{ "another word", "option " ALL " a_vfio_pci", NULL },
	{ "a comment", "# Aliases extracted from modules themselves.", NULL },
	{ "no line", "", NULL },
};

static void check_line(void **state)
{
	const struct line_row *row = *state;
	struct text driver, alias;
	char got[128];

	assert_int_equal(variant_parse(text_of(row->line), &driver, &alias), row->want != NULL);
	if (!row->want)
		return;
	snprintf(got, sizeof(got), "%.*s %.*s", (int)driver.len, driver.at, (int)alias.len,
		 alias.at);
	assert_string_equal(got, row->want);
}

static void a_policy_asks_for_auto_by_any_of_its_rules(void **state)
{
	static struct policy policy = { .rules = { { .driver = { "vfio-pci", 8 } },
						   { .driver = { "auto", 4 } } } };

	(void)state;
	for (policy.rule_count = 0; policy.rule_count < 3; policy.rule_count++)
		assert_int_equal(policy_asks_auto(&policy), policy.rule_count == 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_asks_for_auto_by_any_of_its_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) + TABLE(lines, check_line) +
	       TABLE(aliases, check_alias) + TABLE(choices, check_choice);
}
