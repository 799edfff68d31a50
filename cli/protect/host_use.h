/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host lives on, down to PCI functions: storage, network and keyboard of the machine
 * the image is built on, for usr/lib/vfio-bind/protect.
 */
#ifndef HOSTUSE_H
#define HOSTUSE_H

#include "machine.h"
#include "protect.h"

#define PEERS_MAX 64
#define PEER_SIZE 64

struct host_use {
	struct machine *machine;
	struct inventory *inventory;
	uint8_t uses[DEVICE_MAX]; /* bits of enum use */
	bool hidden;              /* the host cannot be seen: nothing here means anything */
	bool storage_unknown;     /* part of its storage could not be followed */
	/* Addresses, as text, of machines that serve it storage: the way there is its network. */
	char peers[PEERS_MAX][PEER_SIZE];
	size_t peer_count;
};

/*
 * Notes that the host uses every function in a sysfs path, as a device needs all of them:
 * bridges and a VMD controller too. Returns false if there is none in it.
 */
bool host_use_mark(struct host_use *host, struct text path, enum use use);

void host_use_peer(struct host_use *host, struct text address);

#endif
