/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_use.h"

#include <string.h>

static void mark_function(struct host_use *host, struct address address, enum use use)
{
	size_t index = inventory_find(host->inventory, address);
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	ssize_t len;

	if (index == NO_DEVICE || (host->uses[index] & use))
		return;
	host->uses[index] |= (uint8_t)use;
	/* A virtual function lives only as long as the physical one that made it. */
	len = machine_readlink(host->machine, pci_path(path, address, "physfn"), link,
			       sizeof(link));
	if (len > 0)
		(void)host_use_mark(host, (struct text){ link, (size_t)len }, use);
}

bool host_use_mark(struct host_use *host, struct text path, enum use use)
{
	struct address address;
	struct text name;
	bool found = false;

	while (text_cut(&path, '/', &name)) {
		if (!address_parse(name, &address))
			continue;
		mark_function(host, address, use);
		found = true;
	}
	return found;
}

void host_use_peer(struct host_use *host, struct text address)
{
	char *peer;

	if (host->peer_count == PEERS_MAX || address.len >= PEER_SIZE)
		return; /* what the default routes go through is the host's in any case */
	peer = host->peers[host->peer_count++];
	memcpy(peer, address.at, address.len);
	peer[address.len] = '\0';
}
