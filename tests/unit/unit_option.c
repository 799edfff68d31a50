/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "option.h"

#include "table.h"
#include "world.h"

struct option_row {
	const char *name, *word; /* behind "bind vga " */
	struct rule want;
	bool malformed; /* the value, at its first byte */
};

#define DRIVER(string)                                                                             \
	{                                                                                          \
		.at = string, .len = sizeof(string) - 1                                            \
	}
#define VFIO DRIVER("vfio-pci")

static const struct option_row options[] = {
	{ "companions go along if nothing is said", "", { .driver = VFIO }, false },
	{ "with=companions", "with=companions", { .driver = VFIO }, false },
	{ "with=none", "with=none", { .with = WITH_NONE, .driver = VFIO }, false },
	{ "with=functions", "with=functions", { .with = WITH_FUNCTIONS, .driver = VFIO }, false },
	{ "with=group", "with=group", { .with = WITH_GROUP, .driver = VFIO }, false },
	{ "with= takes one word", "with=none,group", { 0 }, true },
	{ "with= takes no other word", "with=all", { 0 }, true },
	{ "with= takes a word", "with=", { 0 }, true },
	{ "count= takes one", "count=1", { .count = 1, .driver = VFIO }, false },
	{ "count= takes as many as there are functions",
	  "count=16384",
	  { .count = 16384, .driver = VFIO },
	  false },
	{ "count= takes no more than there are functions", "count=16385", { 0 }, true },
	{ "count= takes no zero", "count=0", { 0 }, true },
	{ "count= takes no sign", "count=+1", { 0 }, true },
	{ "count= takes no hex", "count=1f", { 0 }, true },
	{ "count= takes a number that fits", "count=4294967297", { 0 }, true },
	{ "count= takes a number", "count=", { 0 }, true },
	{ "nth= takes the last", "count=3 nth=3", { .count = 3, .nth = 3, .driver = VFIO }, false },
	{ "nth= may come before count=",
	  "nth=1 count=3",
	  { .count = 3, .nth = 1, .driver = VFIO },
	  false },
	{ "nth= takes no more than count", "nth=4 count=3", { 0 }, true },
	{ "nth= takes a count beside it", "nth=1", { 0 }, true },
	{ "nth= takes no zero", "nth=0 count=3", { 0 }, true },
	{ "vfs= takes one", "vfs=1 pf=01:00.0", { .vfs = 1, .driver = VFIO }, false },
	{ "vfs= takes as many as there can be",
	  "vfs=65535 pf=01:00.0",
	  { .vfs = 65535, .driver = VFIO },
	  false },
	{ "vfs= takes no more", "vfs=65536 pf=01:00.0", { 0 }, true },
	{ "vfs= takes no zero", "vfs=0 pf=01:00.0", { 0 }, true },
	{ "vfs= takes no word", "vfs=all pf=01:00.0", { 0 }, true },
	{ "vfs= takes a pf= beside it", "vfs=4", { 0 }, true },
	{ "driver=vfio-pci", "driver=vfio-pci", { .driver = VFIO }, false },
	{ "driver=pci-stub", "driver=pci-stub", { .driver = DRIVER("pci-stub") }, false },
	{ "driver=auto", "driver=auto", { .driver = DRIVER("auto") }, false },
	{ "driver= takes no word that begins with auto", "driver=autom", { 0 }, true },
	{ "driver= takes a variant with a dash",
	  "driver=nvgrace-gpu-vfio-pci",
	  { .driver = DRIVER("nvgrace-gpu-vfio-pci") },
	  false },
	{ "driver= takes a variant with an underscore",
	  "driver=mlx5_vfio_pci",
	  { .driver = DRIVER("mlx5_vfio_pci") },
	  false },
	{ "driver= takes 39 characters",
	  "driver=abcdefghijklmnopqrstuvwxyz0123_vfio_pci",
	  { .driver = DRIVER("abcdefghijklmnopqrstuvwxyz0123_vfio_pci") },
	  false },
	{ "driver= takes no 40 characters",
	  "driver=abcdefghijklmnopqrstuvwxyz01234_vfio_pci",
	  { 0 },
	  true },
	{ "driver= takes no host driver", "driver=nouveau", { 0 }, true },
	{ "driver= takes no path", "driver=../vfio-pci", { 0 }, true },
	{ "driver= takes no capitals", "driver=MLX5_vfio_pci", { 0 }, true },
	{ "driver= takes no variant's beginning", "driver=vfio-pci-core", { 0 }, true },
	{ "driver= takes no list", "driver=vfio-pci,pci-stub", { 0 }, true },
	{ "driver= takes a name", "driver=", { 0 }, true },
	{ "d3cold=0", "d3cold=0", { .driver = VFIO, .d3cold = DRIVER("0") }, false },
	{ "d3cold=1", "d3cold=1", { .driver = VFIO, .d3cold = DRIVER("1") }, false },
	{ "d3cold= takes no other number", "d3cold=2", { 0 }, true },
	{ "d3cold= takes no word", "d3cold=on", { 0 }, true },
	{ "d3cold= takes a number", "d3cold=", { 0 }, true },
	{ "reset= takes a method", "reset=flr", { .driver = VFIO, .reset = DRIVER("flr") }, false },
	{ "reset= takes a list",
	  "reset=device_specific,bus,d3",
	  { .driver = VFIO, .reset = DRIVER("device_specific,bus,d3") },
	  false },
	{ "reset= takes no capitals", "reset=FLR", { 0 }, true },
	{ "reset= takes no dash", "reset=af-flr", { 0 }, true },
	{ "reset= takes 31 characters",
	  "reset=abcdefghijklmnopqrstuvwxyz01234",
	  { .driver = VFIO, .reset = DRIVER("abcdefghijklmnopqrstuvwxyz01234") },
	  false },
	{ "reset= takes no 32 characters", "reset=abcdefghijklmnopqrstuvwxyz012345", { 0 }, true },
	{ "reset= takes a name", "reset=", { 0 }, true },
	{ "allow=no-iommu", "allow=no-iommu", { .allow = ALLOW_NO_IOMMU, .driver = VFIO }, false },
	{ "allow=boot-display",
	  "allow=boot-display",
	  { .allow = ALLOW_BOOT_DISPLAY, .driver = VFIO },
	  false },
	{ "allow=bound-display",
	  "allow=bound-display",
	  { .allow = ALLOW_BOUND_DISPLAY, .driver = VFIO },
	  false },
	{ "allow=last-display allows the boot display too",
	  "allow=last-display",
	  { .allow = ALLOW_LAST_DISPLAY | ALLOW_BOOT_DISPLAY, .driver = VFIO },
	  false },
	{ "allow= takes a list",
	  "allow=no-iommu,bound-display",
	  { .allow = ALLOW_NO_IOMMU | ALLOW_BOUND_DISPLAY, .driver = VFIO },
	  false },
	{ "allow= takes a word twice",
	  "allow=no-iommu,no-iommu",
	  { .allow = ALLOW_NO_IOMMU, .driver = VFIO },
	  false },
	{ "allow= takes the guards it may lift only", "allow=bridge", { 0 }, true },
	{ "allow= does not take host-unknown", "allow=host-unknown", { 0 }, true },
	{ "allow= takes a word", "allow=", { 0 }, true },
	{ "required", "required", { .required = true, .driver = VFIO }, false },
};

static void check_option(void **state)
{
	const struct option_row *row = *state;
	const struct rule *rule = &policy.rules[0];
	char text[256], mistakes[256], want[16];

	snprintf(text, sizeof(text), "bind vga %s", row->word);
	assert_int_equal(set_policy(text, strlen(text), mistakes), !row->malformed);
	if (row->malformed) {
		sprintf(want, "1:%zu", strchr(text, '=') - text + 2);
		assert_string_equal(mistakes, want);
		return;
	}
	assert_int_equal(rule->with, row->want.with);
	assert_int_equal(rule->count, row->want.count);
	assert_int_equal(rule->nth, row->want.nth);
	assert_int_equal(rule->vfs, row->want.vfs);
	assert_int_equal(rule->allow, row->want.allow);
	assert_int_equal(rule->required, row->want.required);
	assert_true(text_equal(rule->driver, row->want.driver));
	assert_true(text_equal(rule->d3cold, row->want.d3cold));
	assert_true(text_equal(rule->reset, row->want.reset));
}

static const struct option_row host_options[] = {
	{ "allow=host-storage", "allow=host-storage", { .allow = ALLOW_HOST_STORAGE }, false },
	{ "allow=host-network", "allow=host-network", { .allow = ALLOW_HOST_NETWORK }, false },
	{ "allow=host-input", "allow=host-input", { .allow = ALLOW_HOST_INPUT }, false },
};

static void check_host_option(void **state)
{
	const struct option_row *row = *state;
	char text[256], mistakes[256];

	snprintf(text, sizeof(text), "bind 01:00.0 %s", row->word);
	assert_true(set_policy(text, strlen(text), mistakes));
	assert_int_equal(policy.rules[0].allow, row->want.allow);
}

struct words_row {
	const char *name;
	const char *(*at)(size_t i);
	const char *want;
};

static const struct words_row words[] = {
	{ "each option is named", option_key_at,
	  "with count nth vfs driver d3cold reset allow required " },
	{ "each value of with= is named", with_word_at, "companions none functions group " },
	{ "each value of allow= is named", allow_word_at,
	  "no-iommu boot-display host-storage host-network host-input bound-display last-display " },
};

static void check_words(void **state)
{
	const struct words_row *row = *state;
	char got[256] = "";

	for (size_t i = 0; row->at(i); i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ", row->at(i));
	assert_string_equal(got, row->want);
}

int main(void)
{
	return TABLE(options, check_option) + TABLE(host_options, check_host_option) +
	       TABLE(words, check_words);
}
