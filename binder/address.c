/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "address.h"

uint64_t address_key(struct address address)
{
	return (uint64_t)address.domain << 16 | (uint64_t)address.bus << 8 | address.devfn;
}

struct address address_of_key(uint64_t key)
{
	return (struct address){ (uint32_t)(key >> 16), (uint8_t)(key >> 8), (uint8_t)key };
}

bool address_equal(struct address a, struct address b)
{
	return address_key(a) == address_key(b);
}

bool address_same_slot(struct address a, struct address b)
{
	return address_key(a) >> 3 == address_key(b) >> 3;
}

/* Device 00 to 1f. The function is left to the callers, who differ about "*". */
static bool parse_device(struct text text, uint8_t *device)
{
	uint64_t value;

	if (!text_hex(text, 2, 2, &value) || value > 0x1f)
		return false;
	*device = (uint8_t)value;
	return true;
}

bool address_parse_devfn(struct text text, uint8_t *devfn)
{
	uint8_t device;

	if (text.len != 4 || text.at[2] != '.' || text.at[3] < '0' || text.at[3] > '7')
		return false;
	if (!parse_device((struct text){ text.at, 2 }, &device))
		return false;
	*devfn = (uint8_t)(device << 3 | (text.at[3] - '0'));
	return true;
}

bool address_parse_bus(struct text text, uint32_t *domain, uint8_t *bus)
{
	struct text head;
	uint64_t value;

	if (!text_cut(&text, ':', &head) || !text_hex(head, 4, 8, &value))
		return false;
	*domain = (uint32_t)value;
	if (!text_hex(text, 2, 2, &value))
		return false;
	*bus = (uint8_t)value;
	return true;
}

/* Reads [DDDD:]BB, of which address_parse_bus() wants both. */
static bool parse_bus(struct text text, struct address *address)
{
	uint64_t bus;

	if (text.len != 2)
		return address_parse_bus(text, &address->domain, &address->bus);
	if (!text_hex(text, 2, 2, &bus))
		return false;
	address->domain = 0;
	address->bus = (uint8_t)bus;
	return true;
}

bool address_parse(struct text text, struct address *address)
{
	/* ":DD.F" is always the last five bytes. */
	if (text.len < 7 || text.at[text.len - 5] != ':')
		return false;
	return parse_bus((struct text){ text.at, text.len - 5 }, address) &&
	       address_parse_devfn((struct text){ text.at + text.len - 4, 4 }, &address->devfn);
}

bool address_parse_pattern(struct text text, struct address *address, bool *any_function)
{
	uint8_t device;

	*any_function = text_ends(text, ".*");
	if (!*any_function)
		return address_parse(text, address);
	if (text.len < 7 || text.at[text.len - 5] != ':')
		return false;
	if (!parse_device((struct text){ text.at + text.len - 4, 2 }, &device))
		return false;
	address->devfn = (uint8_t)(device << 3);
	return parse_bus((struct text){ text.at, text.len - 5 }, address);
}

static char hex(unsigned digit)
{
	return "0123456789abcdef"[digit & 0xf];
}

void address_format_devfn(uint8_t devfn, char out[5])
{
	out[0] = hex(devfn >> 7);
	out[1] = hex(devfn >> 3);
	out[2] = '.';
	out[3] = hex(devfn & 7);
	out[4] = '\0';
}

size_t address_format(struct address address, char out[ADDRESS_SIZE])
{
	size_t len = 0;
	int shift = 28;

	while (shift > 12 && !(address.domain >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		out[len++] = hex(address.domain >> shift);
	out[len++] = ':';
	out[len++] = hex(address.bus >> 4);
	out[len++] = hex(address.bus);
	out[len++] = ':';
	address_format_devfn(address.devfn, out + len);
	return len + 4;
}
