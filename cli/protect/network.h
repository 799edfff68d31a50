/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network cards by which the host reaches the world and the servers of its storage. */
#ifndef NETWORK_H
#define NETWORK_H

#include "host_use.h"

/*
 * Marks what the default routes, and the routes to host->peers, go through: bond, bridge, VLAN
 * and team are followed down to functions.
 */
void network_find(struct host_use *host);

#endif
