/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "address.h"

#include "table.h"

struct parse {
	const char *name, *text;
	bool ok, pattern_ok; /* address_parse(), address_parse_pattern() */
	struct address want;
};

static const struct parse parses[] = {
	{ "an address without domain is in domain 0", "01:00.0", true, true, { 0, 1, 0 } },
	{ "an address with domain is read", "0000:41:00.1", true, true, { 0, 0x41, 1 } },
	{ "digits are hex of any case", "00aB:FF:1f.7", true, true, { 0xab, 0xff, 0xff } },
	{ "a VMD domain has five digits", "10000:e1:00.0", true, true, { 0x10000, 0xe1, 0 } },
	{ "a domain may have six digits", "010000:e1:00.0", true, true, { 0x10000, 0xe1, 0 } },
	{ "a domain may have seven digits", "0010000:e1:00.0", true, true, { 0x10000, 0xe1, 0 } },
	{ "a domain may have eight digits", "ffffffff:00:00.0", true, true, { UINT32_MAX, 0, 0 } },
	{ "nine digits are too many for a domain", "000000000:00:00.0", false, false, { 0 } },
	{ "three digits are too few for a domain", "000:00:00.0", false, false, { 0 } },
	{ "a bus has two digits", "1:00.0", false, false, { 0 } },
	{ "a bus has no third digit", "001:00.0", false, false, { 0 } },
	{ "there is no device 20", "00:20.0", false, false, { 0 } },
	{ "there is no function 8, ARI or not", "00:00.8", false, false, { 0 } },
	{ "a function is one digit", "00:00.00", false, false, { 0 } },
	{ "a star is every function of a slot", "00:1f.*", false, true, { 0, 0, 0xf8 } },
	{ "two stars are nothing", "00:1f.**", false, false, { 0 } },
	{ "a star is no device", "00:*.0", false, false, { 0 } },
	{ "a function has to be there", "0000:01:00", false, false, { 0 } },
	{ "a dot is not enough", "0000:01:00.", false, false, { 0 } },
	{ "an empty text is no address", "", false, false, { 0 } },
	{ "a blank behind it is not part of it", "00:00.0 ", false, false, { 0 } },
	{ "a domain alone is no address", ":00:00.0", false, false, { 0 } },
	{ "a comma is no colon", "0000,00:00.0", false, false, { 0 } },
	{ "a colon is no dot", "00:00:0", false, false, { 0 } },
	{ "a letter behind f is no digit", "0g:00.0", false, false, { 0 } },
};

static void check_parse(void **state)
{
	const struct parse *row = *state;
	struct address got = { 0 };
	bool any = false;

	assert_int_equal(address_parse(text_of(row->text), &got), row->ok);
	if (row->ok)
		assert_true(address_equal(got, row->want));
	assert_int_equal(address_parse_pattern(text_of(row->text), &got, &any), row->pattern_ok);
	if (!row->pattern_ok)
		return;
	assert_true(address_equal(got, row->want));
	assert_int_equal(any, !row->ok);
}

struct bus {
	const char *name, *text;
	bool ok;
	uint32_t domain;
	uint8_t bus;
};

static const struct bus buses[] = {
	{ "a root bus has domain and bus", "0000:40", true, 0, 0x40 },
	{ "a root bus may be in a wide domain", "10000:e0", true, 0x10000, 0xe0 },
	{ "a root bus needs its domain", "40", false, 0, 0 },
	{ "a root bus has no short domain", "000:40", false, 0, 0 },
	{ "a root bus has no device", "0000:40:00", false, 0, 0 },
	{ "a root bus has two digits", "0000:4", false, 0, 0 },
	{ "nothing is no root bus", "", false, 0, 0 },
};

static void check_bus(void **state)
{
	const struct bus *row = *state;
	uint32_t domain = 0;
	uint8_t bus = 0;

	assert_int_equal(address_parse_bus(text_of(row->text), &domain, &bus), row->ok);
	if (row->ok) {
		assert_int_equal(domain, row->domain);
		assert_int_equal(bus, row->bus);
	}
}

struct format {
	const char *name;
	struct address address;
	const char *want;
};

static const struct format formats[] = {
	{ "an address is written as the kernel does", { 0, 0x41, 0xfa }, "0000:41:1f.2" },
	{ "a wide domain is not padded", { 0x10000, 0xe1, 0 }, "10000:e1:00.0" },
	{ "the longest address fits", { UINT32_MAX, 0xff, 0xff }, "ffffffff:ff:1f.7" },
};

static void check_format(void **state)
{
	const struct format *row = *state;
	char got[ADDRESS_SIZE], devfn[5];

	assert_int_equal(address_format(row->address, got), strlen(row->want));
	assert_string_equal(got, row->want);
	address_format_devfn(row->address.devfn, devfn);
	assert_string_equal(devfn, row->want + strlen(row->want) - 4);
	assert_true(address_equal(address_of_key(address_key(row->address)), row->address));
}

struct order {
	const char *name;
	struct address first, second; /* in this order */
	bool same_slot;
};

static const struct order orders[] = {
	{ "functions come in order", { 0, 1, 0 }, { 0, 1, 1 }, true },
	{ "the last function comes before the next device", { 0, 1, 7 }, { 0, 1, 8 }, false },
	{ "the last device comes before the next bus", { 0, 1, 0xff }, { 0, 2, 0 }, false },
	{ "the last bus comes before the next domain", { 0, 0xff, 0xff }, { 1, 0, 0 }, false },
	{ "a wide domain comes last", { 0xffff, 0, 0 }, { 0x10000, 0, 0 }, false },
	{ "equal buses of two domains are two slots", { 0, 1, 0 }, { 1, 1, 1 }, false },
};

static void check_order(void **state)
{
	const struct order *row = *state;

	assert_true(address_key(row->first) < address_key(row->second));
	assert_false(address_equal(row->first, row->second));
	assert_int_equal(address_same_slot(row->first, row->second), row->same_slot);
}

int main(void)
{
	return TABLE(parses, check_parse) + TABLE(buses, check_bus) + TABLE(formats, check_format) +
	       TABLE(orders, check_order);
}
