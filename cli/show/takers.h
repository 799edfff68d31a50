/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings of others that give devices away whatever the policy says: to vfio-pci by ids= of the
 * command line and of modules or by rules of udev, to whom they like by driverctl. What check says
 * of them is in check/conflicts.c.
 */
#ifndef TAKERS_H
#define TAKERS_H

#include "base/conf_file.h"
#include "host/host.h"

#define TAKERS_MAX 32

struct takers {
	char places[TAKERS_MAX][CONF_PLACE_SIZE]; /* "/etc/modprobe.d/vfio.conf:1" */
	size_t count;
	uint8_t of[DEVICE_MAX];   /* 1 + the place that takes the device, or 0 */
	uint8_t back[DEVICE_MAX]; /* 1 + the place that gives it to a driver of the host's, or 0 */
};

/* A machine file has the command line alone. */
void takers_find(struct takers *takers, struct host *host);

/* Where it stands that the device is taken, or NULL. */
const char *taker_of(const struct takers *takers, size_t index);

/* Where it stands that a driver of the host's is to have it, or NULL. */
const char *giver_of(const struct takers *takers, size_t index);

#endif
