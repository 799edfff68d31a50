/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host lives on, down to PCI functions: storage, network and keyboard of the machine
 * the image is built on, for usr/lib/vfio-bind/protect.
 */
#ifndef HOSTUSE_H
#define HOSTUSE_H

#include "machine.h"
#include "protect.h"

#define PEERS_MAX  64
#define PEER_SIZE  64
#define NEEDS_MAX  1024
#define MOUNT_SIZE 64

/* What the host uses a function for. */
enum purpose {
	FOR_ROOT,
	FOR_MOUNT, /* of a file system at a mount point */
	FOR_SWAP,
	FOR_STORAGE, /* in a way nobody can name */
	FOR_DEFAULT_ROUTE,
	FOR_NETWORK, /* in another way */
	FOR_KEYBOARD,
	FOR_BOOT_DISPLAY,
	FOR_FRAMEBUFFER,
};

/* Why a function is marked: once for each purpose it has. */
struct need {
	size_t index; /* of the device */
	enum purpose why;
	char mount[MOUNT_SIZE]; /* of FOR_MOUNT, else "" */
};

struct needs {
	struct need list[NEEDS_MAX];
	size_t count;
};

struct host_use {
	struct machine *machine;
	struct inventory *inventory;
	uint8_t uses[DEVICE_MAX]; /* bits of enum use */
	bool hidden;              /* the host cannot be seen: nothing here means anything */
	bool storage_unknown;     /* part of its storage could not be followed */
	/* Addresses, as text, of machines that serve it storage: the routes to them are its network. */
	char peers[PEERS_MAX][PEER_SIZE];
	size_t peer_count;
	struct needs needs; /* of all that is marked but bridges, as far as there is room */
	/* What is being followed now, and the reason for all that is marked meanwhile. */
	enum purpose why;
	const char *mount; /* of FOR_MOUNT */
};

/*
 * Notes that the host uses every function in a sysfs path, as a device needs all of them:
 * bridges and a VMD controller too. host->why says what for. Returns false if there is none in it.
 */
bool host_use_mark(struct host_use *host, struct text path);

/* Returns false if it is noted already, or there is no room. */
bool needs_add(struct needs *needs, size_t index, enum purpose why, const char *mount);

/* The next need of a device behind that one, the first for NULL; NULL at the end. */
const struct need *needs_next(const struct needs *needs, size_t index, const struct need *before);

void host_use_peer(struct host_use *host, struct text address);

#endif
