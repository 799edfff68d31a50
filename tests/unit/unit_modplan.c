/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modplan.h"

#include "table.h"

#include <stdio.h>

#define HEADER "vfio-bind-plan 1\nkernel 6.1.0\n"

struct plan_row {
	const char *name, *text;
	const char *want; /* the steps, or NULL where it does not open */
};

static const struct plan_row plans[] = {
	{ "steps come in order",
	  HEADER "builtin vfio\nload vfio-pci-core.ko required \nload vfio-pci.ko required "
		 "disable_vga=1 disable_idle_d3=1\nload irqbypass.ko optional\n",
	  "+vfio;!vfio-pci-core.ko;!vfio-pci.ko disable_vga=1 disable_idle_d3=1;irqbypass.ko;" },
	{ "a plan without steps is a plan", HEADER, "" },
	{ "a last line without its end", HEADER "load vfio.ko required", "!vfio.ko;" },
	{ "an empty line is no step", HEADER "\nbuiltin vfio\n\n", "+vfio;" },
	{ "another version is no plan", "vfio-bind-plan 2\nkernel 6.1.0\n", NULL },
	{ "a plan names its kernel", "vfio-bind-plan 1\nbuiltin vfio\n", NULL },
	{ "a plan's kernel has a name", "vfio-bind-plan 1\nkernel \n", NULL },
	{ "an empty file is no plan", "", NULL },
	{ "a header cut short is no plan", "vfio-bind-pl", NULL },
	{ "an unknown step makes no sense", HEADER "builtin vfio\nunload nvme\n", "+vfio;?" },
	{ "a module out of its folder makes no sense", HEADER "load ../evil.ko required\n", "?" },
	{ "a module with a path makes no sense", HEADER "load /evil.ko required\n", "?" },
	{ "a hidden module makes no sense", HEADER "load .. required\n", "?" },
	{ "a module is required or optional", HEADER "load vfio.ko\n", "?" },
	{ "a module is nothing else", HEADER "load vfio.ko maybe\n", "?" },
	{ "a builtin module has no options", HEADER "builtin vfio x=1\n", "?" },
	{ "a step has a file", HEADER "load\n", "?" },
	{ "a variant is a driver and its alias",
	  HEADER "load vfio-pci.ko required\nvariant mlx5_vfio_pci vfio_pci:v*d*sv*sd*bc*sc*i*\n"
		 "load mlx5-vfio-pci.ko required\n",
	  "!vfio-pci.ko;~mlx5_vfio_pci vfio_pci:v*d*sv*sd*bc*sc*i*;!mlx5-vfio-pci.ko;" },
	{ "a variant has an alias", HEADER "variant mlx5_vfio_pci\n", "?" },
	{ "a variant has a name", HEADER "variant\n", "?" },
	{ "a variant is a driver that a rule may name", HEADER "variant mlx5_core vfio_pci:v*\n",
	  "?" },
	{ "a variant's name is no longer than a driver's",
	  HEADER "variant abcdefghijklmnopqrstuvwxyz01234_vfio_pci vfio_pci:v*\n", "?" },
};

static void check_plan(void **state)
{
	const struct plan_row *row = *state;
	struct text rest = text_of(row->text), release;
	struct module_step step;
	char got[256] = "";
	int found;

	assert_int_equal(modplan_open(&rest, &release), row->want != NULL);
	if (!row->want)
		return;
	assert_true(text_is(release, "6.1.0"));
	while ((found = modplan_next(&rest, &step)) == 1)
		sprintf(got + strlen(got), "%s%.*s%s%.*s;",
			step.builtin  ? "+" :
			step.variant  ? "~" :
			step.required ? "!" :
					"",
			(int)step.file.len, step.file.at, step.options.len ? " " : "",
			(int)step.options.len, step.options.len ? step.options.at : "");
	strcat(got, found < 0 ? "?" : "");
	assert_string_equal(got, row->want);
}

struct params_row {
	const char *name, *file, *options, *cmdline, *want, *ids;
};

static const struct params_row params[] = {
	{ "no options are no parameters", "vfio-pci.ko", "", "quiet", "", "" },
	{ "the plan's options are parameters", "vfio-pci.ko", "disable_vga=1  nointxmask=1", "",
	  "disable_vga=1 nointxmask=1", "" },
	{ "the command line's come behind", "vfio-pci.ko", "disable_vga=1",
	  "quiet vfio_pci.disable_vga=0", "disable_vga=1 disable_vga=0", "" },
	{ "a dash is an underscore in a module's name", "vfio_pci.ko", "", "vfio-pci.nointxmask=1",
	  "nointxmask=1", "" },
	{ "an underscore is a dash in a module's name", "vfio-pci.ko", "", "vfio_pci.nointxmask=1",
	  "nointxmask=1", "" },
	{ "other modules' are not taken", "vfio-pci.ko", "",
	  "vfio.enable_unsafe_noiommu_mode=1 vfio_pci_core.x=1", "", "" },
	{ "a parameter may have no value", "vfio-pci.ko", "", "vfio-pci.disable_vga", "disable_vga",
	  "" },
	{ "ids= of the options is left out and told", "vfio-pci.ko",
	  "ids=10de:1c82,10de:0fb9 disable_vga=1", "", "disable_vga=1", "ids=10de:1c82,10de:0fb9" },
	{ "ids= of the command line is left out and told", "vfio-pci.ko", "disable_vga=1",
	  "vfio-pci.ids=144d:a80a", "disable_vga=1", "vfio-pci.ids=144d:a80a" },
	{ "a name that begins with ids is another", "vfio-pci.ko", "idsx=1", "", "idsx=1", "" },
	{ "a value in quotes keeps them", "vfio.ko", "name=\"a b\"", "", "name=\"a b\"", "" },
	{ "a quote within a value lets nothing out", "vfio.ko", "a\"x=y ids=1:2 b\"z", "",
	  "a\"x=y ids=1:2 b\"z", "" },
	{ "quotes around name and value stay there", "vfio.ko", "", "\"vfio.a=b ids=1:2\"",
	  "\"a=b ids=1:2\"", "" },
	{ "a quote within the module's name goes on behind it", "d\"s.ko", "", "d\"s.a=b ids=1:2\"",
	  "\"a=b ids=1:2\"", "" },
	{ "a quote that was left open is closed", "vfio.ko", "a=\"b", "vfio.c=\"d ids=1:2\"",
	  "a=\"b\" c=\"d ids=1:2\"", "" },
	{ "what the kernel takes for a blank ends a word", "vfio.ko", "a=1\rids=1:2", "", "a=1",
	  "ids=1:2" },
	{ "so does a blank of Latin-1", "vfio.ko",
	  "a=1\xa0"
	  "ids=1:2",
	  "", "a=1", "ids=1:2" },
	{ "what is behind -- is for init", "vfio-pci.ko", "", "-- vfio-pci.disable_vga=1", "", "" },
	{ "a name with a second dot is another's", "vfio-pci.ko", "", "vfio-pci.a.b=1", "", "" },
};

static void check_params(void **state)
{
	const struct params_row *row = *state;
	static struct module_params got;

	module_params(&got, text_of(row->file), text_of(row->options), text_of(row->cmdline));
	assert_string_equal(got.text, row->want);
	assert_true(text_is(got.ids, row->ids));
	assert_false(got.too_long);
}

static void parameters_that_do_not_fit_are_told_and_none_is_cut(void **state)
{
	static struct module_params got;
	static char options[sizeof(got.text) + 16];

	(void)state;
	memset(options, 'x', sizeof(options) - 1);
	memcpy(options, "a=1 ", 4);
	module_params(&got, text_of("vfio.ko"), text_of(options), text_of(""));
	assert_true(got.too_long);
	assert_true(strlen(got.text) < sizeof(got.text));
	assert_null(strchr(got.text, 'x'));
}

static void parameters_that_just_fit_are_whole(void **state)
{
	static struct module_params got;
	static char options[sizeof(got.text) + 1];

	(void)state;
	memset(options, 'x', sizeof(got.text) - 1);
	module_params(&got, text_of("vfio.ko"), text_of(options), text_of(""));
	assert_false(got.too_long);
	assert_string_equal(got.text, options);
	options[sizeof(got.text) - 1] = 'x';
	module_params(&got, text_of("vfio.ko"), text_of(options), text_of(""));
	assert_true(got.too_long);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_that_just_fit_are_whole),
		cmocka_unit_test(parameters_that_do_not_fit_are_told_and_none_is_cut),
	};

	return TABLE(plans, check_plan) + TABLE(params, check_params) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
