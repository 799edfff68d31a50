/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "address.h"

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

/* DD. and the function, a digit or, where any_function is asked for, "*". */
static bool parse_devfn(const char *at, bool *any_function, uint8_t *devfn)
{
	int device = hex2(at);
	bool any = any_function && at[3] == '*';

	if (device < 0 || device > 0x1f || at[2] != '.' || (!any && (at[3] < '0' || at[3] > '7')))
		return false;
	if (any_function)
		*any_function = any;
	*devfn = (uint8_t)(device << 3 | (any ? 0 : at[3] - '0'));
	return true;
}

bool address_parse_devfn(struct text text, uint8_t *devfn)
{
	return text.len == 4 && parse_devfn(text.at, NULL, devfn);
}

/* DDDD:, nothing being domain 0. */
static bool parse_domain(struct text text, uint32_t *domain)
{
	int number;

	if (text.len && text.at[text.len - 1] != ':')
		return false;
	if (text.len != 5) {
		*domain = 0;
		return !text.len || text_hex((struct text){ text.at, text.len - 1 }, 5, 8, domain);
	}
	number = hex4(text.at);
	*domain = (uint32_t)number;
	return number >= 0;
}

bool address_parse_bus(struct text text, uint32_t *domain, uint8_t *bus)
{
	int number;

	if (text.len < 7 || !parse_domain((struct text){ text.at, text.len - 2 }, domain))
		return false;
	number = hex2(text.at + text.len - 2);
	*bus = (uint8_t)number;
	return number >= 0;
}

/* From the end, where everything but the domain has its fixed place: BB:DD.F */
static bool parse(struct text text, struct address *address, bool *any_function)
{
	const char *tail;
	int bus;

	if (text.len < 7)
		return false;
	tail = text.at + text.len - 7;
	bus = hex2(tail);
	address->bus = (uint8_t)bus;
	return bus >= 0 && tail[2] == ':' && parse_devfn(tail + 3, any_function, &address->devfn) &&
	       parse_domain((struct text){ text.at, text.len - 7 }, &address->domain);
}

bool address_parse(struct text text, struct address *address)
{
	return parse(text, address, NULL);
}

bool address_parse_pattern(struct text text, struct address *address, bool *any_function)
{
	return parse(text, address, any_function);
}

static void put_byte(char *out, unsigned byte)
{
	out[0] = "0123456789abcdef"[byte >> 4 & 0xf];
	out[1] = "0123456789abcdef"[byte & 0xf];
}

void address_format_devfn(uint8_t devfn, char out[5])
{
	put_byte(out, devfn >> 3);
	out[2] = '.';
	out[3] = (char)('0' + (devfn & 7));
	out[4] = '\0';
}

size_t address_format(struct address address, char out[ADDRESS_SIZE])
{
	char *at = out;

	/* A domain has four digits, and more only where it needs them. */
	for (int shift = 28; address.domain >> 16 && shift > 12; shift -= 4)
		if (address.domain >> shift)
			*at++ = "0123456789abcdef"[address.domain >> shift & 0xf];
	put_byte(at, address.domain >> 8);
	put_byte(at + 2, address.domain);
	at[4] = ':';
	put_byte(at + 5, address.bus);
	at[7] = ':';
	address_format_devfn(address.devfn, at + 8);
	return (size_t)(at - out) + 12;
}
