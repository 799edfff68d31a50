/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of others that give devices to vfio-pci whatever the policy says: ids= of the command line
 * and of modules, rules of udev. What check says of them is in check/conflicts.c.
 */
#ifndef TAKERS_H
#define TAKERS_H

#include "base/conf_file.h"
#include "host/host.h"

#define TAKERS_MAX 32

struct takers {
	char places[TAKERS_MAX][CONF_PLACE_SIZE]; /* "/etc/modprobe.d/vfio.conf:1" */
	size_t count;
	uint8_t of[DEVICE_MAX]; /* 1 + the place that takes the device, or 0 */
};

/* A machine file has the command line alone. */
void takers_find(struct takers *takers, struct host *host);

/* Where it stands that the device is taken, or NULL. */
const char *taker_of(const struct takers *takers, size_t index);

#endif
