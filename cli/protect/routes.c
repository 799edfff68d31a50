/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routes.h"

#include "base/words.h"
#include "lines.h"

#include <arpa/inet.h>
#include <net/route.h>
#include <string.h>

/* Cuts a line into its words; returns how many there are. */
static size_t split(struct text line, struct text *words, size_t max)
{
	size_t count = 0;

	while (count < max && word_next(&line, &words[count]))
		count++;
	return count;
}

static bool set_interface(struct route *route, struct text name)
{
	if (name.len >= sizeof(route->interface))
		return false;
	memcpy(route->interface, name.at, name.len);
	return true;
}

static bool leads_somewhere(uint32_t flags)
{
	return (flags & RTF_UP) && !(flags & RTF_REJECT);
}

/*
 * interface, destination, gateway, flags, references, uses, metric, mask: linux/net/ipv4/
 * fib_trie.c:fib_route_seq_show. An address is printed as the number it is in this byte order.
 */
static bool parse_ipv4(struct text line, struct route *route)
{
	struct text words[8];
	uint32_t to, flags, mask;

	if (split(line, words, ARRAY_SIZE(words)) < ARRAY_SIZE(words) ||
	    !set_interface(route, words[0]) || !text_hex(words[1], 8, 8, &to) ||
	    !text_hex(words[3], 1, 8, &flags) || !text_hex(words[7], 8, 8, &mask))
		return false;
	route->family = AF_INET;
	memcpy(route->to, &to, sizeof(to));
	route->bits = (unsigned)__builtin_popcount(mask);
	return leads_somewhere(flags);
}

/*
 * destination, bits, source, bits, next hop, metric, references, uses, flags, interface:
 * linux/net/ipv6/route.c:rt6_info_route
 */
static bool parse_ipv6(struct text line, struct route *route)
{
	struct text words[10];
	uint32_t byte, bits, flags;

	if (split(line, words, ARRAY_SIZE(words)) < ARRAY_SIZE(words) ||
	    words[0].len != 2 * sizeof(route->to) || !text_hex(words[1], 1, 2, &bits) ||
	    !text_hex(words[8], 1, 8, &flags) || !set_interface(route, words[9]))
		return false;
	for (size_t i = 0; i < sizeof(route->to); i++) {
		if (!text_hex((struct text){ words[0].at + 2 * i, 2 }, 2, 2, &byte))
			return false;
		route->to[i] = (unsigned char)byte;
	}
	route->family = AF_INET6;
	route->bits = bits;
	return leads_somewhere(flags) && bits <= 128;
}

static void read_file(struct routes *routes, struct machine *machine, const char *path,
		      bool (*parse)(struct text line, struct route *route))
{
	struct lines lines;
	struct text line;
	int err = lines_open(&lines, machine, path);

	if (err)
		return;
	while (routes->count < ROUTES_MAX && lines_next(&lines, &line, &err)) {
		routes->list[routes->count] = (struct route){ 0 };
		routes->count += parse(line, &routes->list[routes->count]);
	}
	lines_close(&lines);
}

void routes_read(struct routes *routes, struct machine *machine)
{
	routes->count = 0;
	read_file(routes, machine, "proc/net/route", parse_ipv4);
	read_file(routes, machine, "proc/net/ipv6_route", parse_ipv6);
}

static bool matches(const struct route *route, int family, const unsigned char *address)
{
	size_t bytes = route->bits / 8;
	unsigned rest = route->bits % 8;

	if (route->family != family || memcmp(route->to, address, bytes) != 0)
		return false;
	return !rest || (route->to[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

bool routes_lead(const struct routes *routes, const struct route *route, const char *address)
{
	unsigned char bytes[16];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, address, bytes) != 1 || !matches(route, family, bytes))
		return false;
	for (size_t i = 0; i < routes->count; i++)
		if (routes->list[i].bits > route->bits && matches(&routes->list[i], family, bytes))
			return false;
	return true;
}
