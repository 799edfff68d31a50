/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_use.h"

#include <stdio.h>
#include <string.h>

/* The kind of line it has in the protect list. */
static enum use use_of(enum purpose why)
{
	switch (why) {
	case FOR_ROOT:
	case FOR_MOUNT:
	case FOR_SWAP:
	case FOR_STORAGE:
		return USE_STORAGE;
	case FOR_DEFAULT_ROUTE:
	case FOR_NETWORK:
		return USE_NETWORK;
	case FOR_KEYBOARD:
		return USE_INPUT;
	case FOR_BOOT_DISPLAY:
	case FOR_FRAMEBUFFER:
		break; /* the boot sees those for itself */
	}
	__builtin_unreachable();
}

bool needs_add(struct needs *needs, size_t index, enum purpose why, const char *mount)
{
	struct need *need = &needs->list[needs->count];

	if (needs->count == NEEDS_MAX)
		return false;
	need->index = index;
	need->why = why;
	(void)snprintf(need->mount, MOUNT_SIZE, "%s", why == FOR_MOUNT ? mount : "");
	for (const struct need *old = NULL; (old = needs_next(needs, index, old));)
		if (old->why == why && !strcmp(old->mount, need->mount))
			return false;
	needs->count++;
	return true;
}

const struct need *needs_next(const struct needs *needs, size_t index, const struct need *before)
{
	const struct need *need = before ? before + 1 : needs->list;

	for (; need < needs->list + needs->count; need++)
		if (need->index == index)
			return need;
	return NULL;
}

static void mark_function(struct host_use *host, struct address address)
{
	size_t index = inventory_find(host->inventory, address);
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	uint8_t use = (uint8_t)use_of(host->why);
	bool new;
	ssize_t len;

	if (index == NO_DEVICE)
		return;
	new = !(host->uses[index] & use);
	host->uses[index] |= use;
	/* The bridges on the way are the host's in any case. */
	if (!device_is_bridge(&host->inventory->devices[index]))
		new |= needs_add(&host->needs, index, host->why, host->mount);
	if (!new)
		return;
	/* A virtual function lives only as long as the physical one that made it. */
	len = machine_readlink(host->machine, pci_path(path, address, "physfn"), link,
			       sizeof(link));
	if (len > 0)
		(void)host_use_mark(host, (struct text){ link, (size_t)len });
}

bool host_use_mark(struct host_use *host, struct text path)
{
	struct address address;
	struct text name;
	bool found = false;

	while (text_cut(&path, '/', &name)) {
		if (!address_parse(name, &address))
			continue;
		mark_function(host, address);
		found = true;
	}
	return found;
}

void host_use_peer(struct host_use *host, struct text address)
{
	char *peer;

	if (host->peer_count == PEERS_MAX || address.len >= PEER_SIZE)
		return; /* what the default routes go through is the host's in any case */
	for (size_t i = 0; i < host->peer_count; i++)
		if (text_is(address, host->peers[i]))
			return;
	peer = host->peers[host->peer_count++];
	memcpy(peer, address.at, address.len);
	peer[address.len] = '\0';
}
