/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network.h"

#include "base/complain.h"
#include "routes.h"

#include <stdio.h>
#include <string.h>

#define INTERFACES_MAX 256
#define CLASS_NET      "sys/class/net/"

struct interfaces {
	struct host_use *host;
	char names[INTERFACES_MAX][IF_NAMESIZE];
	size_t count;
};

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
	return host_use_mark(host, (struct text){ link, (size_t)len }, USE_NETWORK) ||
	       !strstr(link, "/virtual/");
}

void network_follow(struct host_use *host, const char *name)
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

static bool leads_to_peer(const struct host_use *host, const struct routes *routes,
			  const struct route *route)
{
	for (size_t i = 0; i < host->peer_count; i++)
		if (routes_lead(routes, route, host->peers[i]))
			return true;
	return false;
}

static bool was_followed(const struct routes *routes, size_t index, const bool *followed)
{
	for (size_t i = 0; i < index; i++)
		if (followed[i] &&
		    !strcmp(routes->list[i].interface, routes->list[index].interface))
			return true;
	return false;
}

void network_find(struct host_use *host)
{
	static struct routes routes;
	static bool followed[ROUTES_MAX];

	routes_read(&routes, host->machine);
	for (size_t i = 0; i < routes.count; i++) {
		const struct route *route = &routes.list[i];

		followed[i] = !route->bits || leads_to_peer(host, &routes, route);
		if (followed[i] && !was_followed(&routes, i, followed))
			network_follow(host, route->interface);
	}
}
