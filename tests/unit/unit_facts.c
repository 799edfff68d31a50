/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "facts.h"

#include "table.h"

/* A piece of config space. */
struct piece {
	size_t at;
	uint32_t dword;
};

struct config {
	const char *name;
	size_t len;
	struct piece pieces[6];
	uint64_t want;
};

#define CAPABILITY(id, next) ((uint32_t)(next) << 20 | 1 << 16 | (id))
#define DSN(at)                                                                                    \
	{ (at) + 4, 0x2100513a },                                                                  \
	{                                                                                          \
		(at) + 8, 0x002538b1                                                               \
	}
#define SERIAL 0x002538b12100513a

static const struct config configs[] = {
	{ "the first capability may be the serial number",
	  4096,
	  { { 0x100, CAPABILITY(3, 0) }, DSN(0x100) },
	  SERIAL },
	{ "the chain is followed to the serial number",
	  4096,
	  { { 0x100, CAPABILITY(1, 0x148) },
	    { 0x148, CAPABILITY(2, 0x200) },
	    { 0x200, CAPABILITY(3, 0) },
	    DSN(0x200) },
	  SERIAL },
	{ "a chain may go back",
	  4096,
	  { { 0x100, CAPABILITY(1, 0x200) },
	    { 0x200, CAPABILITY(2, 0x180) },
	    { 0x180, CAPABILITY(3, 0) },
	    DSN(0x180) },
	  SERIAL },
	{ "the last 12 bytes may be the serial number",
	  4096,
	  { { 0x100, CAPABILITY(1, 0xff4) }, { 0xff4, CAPABILITY(3, 0) }, DSN(0xff4) },
	  SERIAL },
	{ "a chain without it has none",
	  4096,
	  { { 0x100, CAPABILITY(1, 0x148) }, { 0x148, CAPABILITY(2, 0) } },
	  0 },
	{ "a chain that turns back on itself has none",
	  4096,
	  { { 0x100, CAPABILITY(1, 0x148) }, { 0x148, CAPABILITY(2, 0x100) } },
	  0 },
	{ "a chain that points at itself has none", 4096, { { 0x100, CAPABILITY(1, 0x100) } }, 0 },
	{ "a chain that leads below 100h has none",
	  4096,
	  { { 0x100, CAPABILITY(1, 0x40) }, { 0x40, CAPABILITY(3, 0) }, DSN(0x40) },
	  0 },
	{ "a chain that leads to an odd place has none",
	  4096,
	  { { 0x100, CAPABILITY(1, 0x202) } },
	  0 },
	{ "a serial number over the end is none",
	  4096,
	  { { 0x100, CAPABILITY(1, 0xff8) }, { 0xff8, CAPABILITY(3, 0) } },
	  0 },
	{ "conventional config space has none", 256, { { 0 } }, 0 },
	{ "what a user may read has none", 64, { { 0 } }, 0 },
	{ "no config space has none", 0, { { 0 } }, 0 },
	{ "a device that is gone reads as ones and has none", 4096, { { 0x100, UINT32_MAX } }, 0 },
	{ "a device without extended capabilities has none", 4096, { { 0x100, 0 } }, 0 },
	{ "config space cut inside the number has none",
	  0x108,
	  { { 0x100, CAPABILITY(3, 0) }, { 0x104, 0x2100513a } },
	  0 },
};

static void check_config(void **state)
{
	const struct config *row = *state;
	unsigned char *config = calloc(1, row->len + 1);

	assert_non_null(config);
	for (size_t i = 0; i < 6; i++) {
		const struct piece *piece = &row->pieces[i];

		for (size_t byte = 0; byte < 4 && piece->at; byte++)
			config[piece->at + byte] = (unsigned char)(piece->dword >> 8 * byte);
	}
	assert_true(config_dsn(config, row->len) == row->want);
	free(config);
}

struct attribute {
	const char *name, *text;
	uint64_t want;
};

static const struct attribute attributes[] = {
	{ "the kernel writes it as the policy does", "00-25-38-b1-21-00-51-3a", SERIAL },
	{ "anything else is none", "002538b12100513a", 0 },
	{ "nothing is none", "", 0 },
};

static void check_attribute(void **state)
{
	const struct attribute *row = *state;

	assert_true(attribute_dsn(text_of(row->text)) == row->want);
}

struct slot_row {
	const char *name, *text;
	bool ok;
	struct address want;
	bool whole_bus;
};

static const struct slot_row slots[] = {
	{ "a slot is a device of any function", "0000:41:00", true, { 0, 0x41, 0 }, false },
	{ "a slot may be another device", "0000:08:1f", true, { 0, 8, 0xf8 }, false },
	{ "a slot may be a whole bus", "0000:41", true, { 0, 0x41, 0 }, true },
	{ "a slot may be in a wide domain", "10000:e1:00", true, { 0x10000, 0xe1, 0 }, false },
	{ "a whole bus may be in a wide domain", "10000:e1", true, { 0x10000, 0xe1, 0 }, true },
	{ "a slot is no function", "0000:41:00.0", false, { 0 }, false },
	{ "there is no device 20", "0000:41:20", false, { 0 }, false },
	{ "a bus alone is no slot", "41", false, { 0 }, false },
	{ "a bus and a device are no slot", "41:00", false, { 0 }, false },
	{ "nothing is no slot", "", false, { 0 }, false },
};

static void check_slot(void **state)
{
	const struct slot_row *row = *state;
	struct slot slot = { 0 };

	assert_int_equal(slot_parse_address(text_of(row->text), &slot), row->ok);
	if (!row->ok)
		return;
	assert_true(address_same_slot(slot.address, row->want));
	assert_int_equal(slot.whole_bus, row->whole_bus);
}

int main(void)
{
	return TABLE(configs, check_config) + TABLE(attributes, check_attribute) +
	       TABLE(slots, check_slot);
}
