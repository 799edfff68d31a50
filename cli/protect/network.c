/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network.h"

#include "base/complain.h"
#include "base/words.h"
#include "lines.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>

#define ROUTES_MAX     1024
#define INTERFACES_MAX 256
#define CLASS_NET      "sys/class/net/"

struct route {
	char interface[IF_NAMESIZE];
	int family; /* AF_INET or AF_INET6 */
	unsigned char to[16];
	unsigned bits; /* of to that count: 0 for a default route */
};

struct routes {
	struct route list[ROUTES_MAX];
	size_t count;
};

struct interfaces {
	struct host_use *host;
	char names[INTERFACES_MAX][IF_NAMESIZE];
	size_t count;
};

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

static bool matches(const struct route *route, int family, const unsigned char *address)
{
	size_t bytes = route->bits / 8;
	unsigned rest = route->bits % 8;

	if (route->family != family || memcmp(route->to, address, bytes) != 0)
		return false;
	return !rest || (route->to[bytes] ^ address[bytes]) >> (8 - rest) == 0;
}

/* True if a packet to that address may take the route: no other fits it better. */
static bool route_leads(const struct routes *routes, const struct route *route, const char *address)
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

static void add(struct interfaces *interfaces, const char *name)
{
	for (size_t i = 0; i < interfaces->count; i++)
		if (!strcmp(interfaces->names[i], name))
			return;
	if (interfaces->count < INTERFACES_MAX &&
	    join(interfaces->names[interfaces->count], IF_NAMESIZE, name, "", ""))
		interfaces->count++;
}

/*
 * Adds what an interface stands on: lower_NAME is a link to each, whatever the kind of the
 * interface (linux/net/core/dev.c:netdev_adjacent_sysfs_add).
 */
static void add_lower(struct interfaces *interfaces, const char *name)
{
	static const char prefix[] = "lower_";
	char path[MACHINE_PATH_SIZE];
	struct dir dir;
	const char *entry;
	int err;

	(void)join(path, sizeof(path), CLASS_NET, name, "");
	if (dir_open(interfaces->host->machine, path, &dir))
		return;
	while ((entry = dir_next(&dir, &err)))
		if (!strncmp(entry, prefix, sizeof(prefix) - 1))
			add(interfaces, entry + sizeof(prefix) - 1);
	dir_close(&dir);
}

/* Returns false if it is of the kernel's own making, and so only as real as what is below it. */
static bool mark(struct host_use *host, const char *name)
{
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	ssize_t len;

	(void)join(path, sizeof(path), CLASS_NET, name, "");
	len = machine_readlink(host->machine, path, link, sizeof(link));
	if (len <= 0)
		return false;
	return host_use_mark(host, (struct text){ link, (size_t)len }) ||
	       !strstr(link, "/virtual/");
}

/* Marks what one interface stands on. */
static void follow(struct host_use *host, const char *name)
{
	static struct interfaces interfaces;
	bool real = false;

	interfaces = (struct interfaces){ .host = host };
	add(&interfaces, name);
	for (size_t i = 0; i < interfaces.count; i++) {
		real |= mark(host, interfaces.names[i]);
		add_lower(&interfaces, interfaces.names[i]);
	}
	if (!real)
		warn("the host's network goes through %s: which card it needs cannot be told",
		     name);
}

static void follow_all(const struct interfaces *interfaces, enum purpose why)
{
	interfaces->host->why = why;
	for (size_t i = 0; i < interfaces->count; i++)
		follow(interfaces->host, interfaces->names[i]);
}

static bool leads_to_peer(const struct host_use *host, const struct routes *routes,
			  const struct route *route)
{
	for (size_t i = 0; i < host->peer_count; i++)
		if (route_leads(routes, route, host->peers[i]))
			return true;
	return false;
}

void network_find(struct host_use *host)
{
	static struct routes routes;
	/* The interfaces of default routes, and of the routes to servers. */
	static struct interfaces defaults, others;

	defaults = others = (struct interfaces){ .host = host };
	/* A kernel without one of the files has no such routes. */
	routes.count = 0;
	read_file(&routes, host->machine, "proc/net/route", parse_ipv4);
	read_file(&routes, host->machine, "proc/net/ipv6_route", parse_ipv6);
	for (size_t i = 0; i < routes.count; i++) {
		const struct route *route = &routes.list[i];

		if (!route->bits)
			add(&defaults, route->interface);
		else if (leads_to_peer(host, &routes, route))
			add(&others, route->interface);
	}
	follow_all(&defaults, FOR_DEFAULT_ROUTE);
	follow_all(&others, FOR_NETWORK);
}
