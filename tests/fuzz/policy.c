/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A policy: parsed, printed from what was understood, and parsed again, it is the same. */
#include "fuzz.h"

#include "value.h"

#include <string.h>

#define PRINTED_MAX (1 << 20)

static struct policy policy;

static void print_id(FILE *out, const struct id_pattern *id)
{
	id->any_vendor ? fputs("*", out) : fprintf(out, "%04x", id->vendor);
	id->any_device ? fputs(":*", out) : fprintf(out, ":%04x", id->device);
}

static void print_class(FILE *out, const struct class_pattern *class)
{
	/* "usb" leaves USB4 out, which no hex digits say. */
	bool usb = class->but < 0x1000000;
	int digits = class->mask == 0xffffff ? 6 : class->mask == 0xffff00 ? 4 : 2;

	if (usb)
		fputs("usb", out);
	else
		fprintf(out, "%0*x", digits, class->value >> (6 - digits) * 4);
}

static void print_address(FILE *out, const union value *value)
{
	char text[ADDRESS_SIZE];
	size_t len = address_format(value->address.at, text);

	fprintf(out, "%.*s%s", (int)len - value->address.any_function, text,
		value->address.any_function ? "*" : "");
}

static void print_value(FILE *out, enum selector selector, const union value *value)
{
	char dsn[DSN_SIZE];

	if (selector == SELECT_ADDRESS)
		print_address(out, value);
	else if (selector == SELECT_ID || selector == SELECT_SUBSYSTEM)
		print_id(out, &value->id);
	else if (selector == SELECT_CLASS)
		print_class(out, &value->class);
	else if (selector == SELECT_BOOT_VGA || selector == SELECT_BOOT_DISPLAY)
		fprintf(out, "%u", value->flag);
	else if (selector == SELECT_VF)
		fprintf(out, "%u-%u", value->range.first, value->range.last);
	else if (selector == SELECT_DSN)
		dsn_format(value->dsn, dsn), fputs(dsn, out);
	else
		fprintf(out, "%.*s", (int)value->text.len, value->text.at);
}

/* In quotes a value is one name of a slot, whatever commas it has; without them it is a list. */
static void print_selector(FILE *out, const struct rule *rule, enum selector selector)
{
	const struct values *values = &rule->select[selector];
	const union value *first = &policy.values[values->first];
	const char *quote = selector == SELECT_SLOT && values->count > 1 ? "" : "\"";

	fprintf(out, " %s=%s", selector_key(selector), quote);
	for (size_t i = 0; i < values->count; i++) {
		fputs(i ? "," : "", out);
		print_value(out, selector, &first[i]);
	}
	fputs(quote, out);
}

static void print_options(FILE *out, const struct rule *rule)
{
	static const char *const with[] = { "companions", "none", "functions", "group" };
	static const char *const allow[] = { "no-iommu",     "boot-display", "host-storage",
					     "host-network", "host-input",   "bound-display",
					     "last-display" };

	if (rule->with != WITH_COMPANIONS)
		fprintf(out, " with=%s", with[rule->with]);
	if (rule->count)
		fprintf(out, " count=%u", rule->count);
	if (rule->nth)
		fprintf(out, " nth=%u", rule->nth);
	if (rule->verb == VERB_BIND)
		fprintf(out, " driver=%.*s", (int)rule->driver.len, rule->driver.at);
	for (unsigned i = 0, any = 0; i < ARRAY_SIZE(allow); i++)
		if (rule->allow >> i & 1)
			fprintf(out, "%s%s", any++ ? "," : " allow=", allow[i]);
	fputs(rule->required ? " required" : "", out);
}

/* Writes the policy as it was understood; returns how long that is. */
static size_t print_policy(char *to)
{
	FILE *out = fmemopen(to, PRINTED_MAX, "w");
	long len;

	for (size_t i = 0; i < policy.rule_count; i++) {
		const struct rule *rule = &policy.rules[i];

		fputs(rule->verb == VERB_KEEP ? "keep" : "bind", out);
		for (enum selector selector = 0; selector < SELECTORS; selector++)
			if (rule_has(rule, selector))
				print_selector(out, rule, selector);
		print_options(out, rule);
		fputs("\n", out);
	}
	fputs(policy.accept_cmdline ? "accept cmdline\n" : "", out);
	len = ftell(out);
	fclose(out);
	MUST(len >= 0 && len < PRINTED_MAX - 1);
	return (size_t)len;
}

/* Where a rule says it stands, it stands. */
static void check_places(struct text input)
{
	for (size_t i = 0; i < policy.rule_count; i++) {
		struct text source = policy.rules[i].source;

		MUST(source.at >= input.at && source.at + source.len <= input.at + input.len);
		MUST(policy.rules[i].given < 1u << SELECTORS && policy.rules[i].given);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[PRINTED_MAX], second[PRINTED_MAX];
	struct text input = { (const char *)data, size };
	size_t len;

	if (!parse_policy(&policy, input))
		return 0;
	check_places(input);
	len = print_policy(first);
	MUST(parse_policy(&policy, (struct text){ first, len }));
	MUST(print_policy(second) == len && !memcmp(first, second, len));
	return 0;
}
