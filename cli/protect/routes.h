/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's main routing table, from /proc/net/route and /proc/net/ipv6_route. */
#ifndef ROUTES_H
#define ROUTES_H

#include "machine.h"

#include <net/if.h>

#define ROUTES_MAX 1024

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

/* Reads all routes that are up and lead somewhere. A kernel without one of the files has none. */
void routes_read(struct routes *routes, struct machine *machine);

/* True if a packet to that address may take the route: no other fits it better. */
bool routes_lead(const struct routes *routes, const struct route *route, const char *address);

#endif
