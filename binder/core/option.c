/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "option.h"

#include "device.h"
#include "reset.h"

static const char *const with_words[] = {
	[WITH_COMPANIONS] = "companions",
	[WITH_NONE] = "none",
	[WITH_FUNCTIONS] = "functions",
	[WITH_GROUP] = "group",
};

static const struct {
	const char *name;
	unsigned allow;
} allow_words[] = {
	{ "no-iommu", ALLOW_NO_IOMMU },
	{ "boot-display", ALLOW_BOOT_DISPLAY },
	{ "host-storage", ALLOW_HOST_STORAGE },
	{ "host-network", ALLOW_HOST_NETWORK },
	{ "host-input", ALLOW_HOST_INPUT },
	{ "bound-display", ALLOW_BOUND_DISPLAY },
	{ "last-display", ALLOW_LAST_DISPLAY | ALLOW_BOOT_DISPLAY },
};

static bool parse_with(struct line *line, struct rule *rule, const struct word *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(with_words); i++) {
		if (!text_is(word->value, with_words[i]))
			continue;
		rule->with = (enum with)i;
		return true;
	}
	return expected(line, word->value.at, "with=companions, none, functions or group");
}

static bool parse_count(struct line *line, struct rule *rule, const struct word *word)
{
	if (text_number(word->value, DEVICE_MAX, &rule->count) && rule->count)
		return true;
	return expected(line, word->value.at, "count=N, a number from 1 to 16384");
}

static bool parse_nth(struct line *line, struct rule *rule, const struct word *word)
{
	line->nth = word->value.at;
	if (text_number(word->value, DEVICE_MAX, &rule->nth) && rule->nth)
		return true;
	return expected(line, word->value.at, "nth=K, a number from 1 to count");
}

static bool parse_vfs(struct line *line, struct rule *rule, const struct word *word)
{
	uint32_t number;

	line->vfs = word->value.at;
	if (!text_number(word->value, UINT16_MAX, &number) || !number)
		return expected(line, word->value.at, "vfs=N, a number from 1 to 65535");
	rule->vfs = (uint16_t)number;
	return true;
}

static bool parse_driver(struct line *line, struct rule *rule, const struct word *word)
{
	rule->driver = word->value;
	return text_is(word->value, DRIVER_AUTO) || driver_is_choice(word->value) ||
	       expected(line, word->value.at,
			"driver=auto, vfio-pci, a vfio variant such as mlx5_vfio_pci, or pci-stub");
}

static unsigned allow_word(struct text word)
{
	for (size_t i = 0; i < ARRAY_SIZE(allow_words); i++)
		if (text_is(word, allow_words[i].name))
			return allow_words[i].allow;
	return 0;
}

static bool parse_allow(struct line *line, struct rule *rule, const struct word *word)
{
	struct text rest = word->value, item;
	bool ok = true;

	while (text_cut(&rest, ',', &item)) {
		unsigned allow = allow_word(item);

		if (!allow)
			ok = expected(line, item.at,
				      "allow=no-iommu, boot-display, host-storage, host-network, "
				      "host-input, bound-display or last-display");
		if (!line->host_allow && (allow & ALLOW_HOST))
			line->host_allow = item.at;
		rule->allow |= allow;
	}
	return ok;
}

static bool parse_d3cold(struct line *line, struct rule *rule, const struct word *word)
{
	rule->d3cold = word->value;
	return text_is(word->value, "0") || text_is(word->value, "1") ||
	       expected(line, word->value.at, "d3cold=0 or d3cold=1");
}

static bool parse_reset(struct line *line, struct rule *rule, const struct word *word)
{
	struct text rest = word->value, item;
	bool ok = true;

	rule->reset = word->value;
	while (text_cut(&rest, ',', &item))
		if (!reset_is_method(item))
			ok = expected(line, item.at,
				      "reset=METHOD,... as in reset_method: flr, bus, pm, ...");
	return ok;
}

static bool parse_required(struct line *line, struct rule *rule, const struct word *word)
{
	(void)line;
	(void)word;
	rule->required = true;
	return true;
}

static const struct rule_option options[] = {
	{ "with", true, parse_with },
	{ "count", true, parse_count },
	{ "nth", true, parse_nth },
	{ "vfs", true, parse_vfs },
	{ "driver", true, parse_driver },
	{ "d3cold", true, parse_d3cold },
	{ "reset", true, parse_reset },
	{ "allow", true, parse_allow },
	{ "required", false, parse_required },
};

const struct rule_option *find_option(const struct word *word, unsigned *bit)
{
	struct text key = word->key.at ? word->key : word->value;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (options[i].has_value ? !word->key.at || !text_is(key, options[i].key) :
					   !is_keyword(word, options[i].key))
			continue;
		*bit = 1u << i;
		return &options[i];
	}
	return NULL;
}

const char *option_key_at(size_t i)
{
	return i < ARRAY_SIZE(options) ? options[i].key : NULL;
}

const char *with_word_at(size_t i)
{
	return i < ARRAY_SIZE(with_words) ? with_words[i] : NULL;
}

const char *allow_word_at(size_t i)
{
	return i < ARRAY_SIZE(allow_words) ? allow_words[i].name : NULL;
}
