/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "routes.h"

#include "lines.h"

#include <arpa/inet.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* IPv4: linux/net/ipv4/fib_trie.c:fib_route_seq_show. Addresses are numbers in host order. */
static bool parse_ipv4(const char *line, struct route *route)
{
	unsigned to, flags, mask;

	/* Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
	if (sscanf(line, "%15s %x %*x %x %*u %*u %*u %x", route->interface, &to, &flags, &mask) != 4)
		return false;
	route->family = AF_INET;
	memcpy(route->to, &to, sizeof(to));
	route->bits = (unsigned)__builtin_popcount(mask);
	return (flags & RTF_UP) && !(flags & RTF_REJECT);
}

/* IPv6: linux/net/ipv6/route.c:rt6_info_route. */
static bool parse_ipv6(const char *line, struct route *route)
{
	char to[33];
	unsigned flags;

	/* destination, bits, source, bits, next hop, metric, references, uses, flags, interface */
	if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x %15s", to, &route->bits, &flags,
		   route->interface) != 4)
		return false;
	route->family = AF_INET6;
	for (size_t i = 0; i < sizeof(route->to); i++) {
		uint32_t byte;

		if (!text_hex((struct text){ to + 2 * i, 2 }, 2, 2, &byte))
			return false;
		route->to[i] = (unsigned char)byte;
	}
	return (flags & RTF_UP) && !(flags & RTF_REJECT) && route->bits <= 128;
}

static void read_file(struct routes *routes, struct machine *machine, const char *path,
		      bool (*parse)(const char *line, struct route *route))
{
	struct lines lines;
	struct text line;
	char buffer[256];
	int err = lines_open(&lines, machine, path);

	if (err)
		return;
	while (routes->count < ROUTES_MAX && lines_next(&lines, &line, &err)) {
		(void)snprintf(buffer, sizeof(buffer), "%.*s", (int)line.len, line.at);
		routes->list[routes->count] = (struct route){ 0 };
		routes->count += parse(buffer, &routes->list[routes->count]);
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
		if (routes->list[i].bits > route->bits &&
		    matches(&routes->list[i], family, bytes))
			return false;
	return true;
}
