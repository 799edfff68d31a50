/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The binder as the first process, by rdinit= or as /init, ahead of an init that has no hooks. */
#ifndef PID1_H
#define PID1_H

#include "boot.h"

/*
 * Mounts what is missing of /proc, /sys and /dev, calls work, unmounts what it mounted and
 * becomes the next init, with the arguments and environment it was given. Returns only if there
 * is none: then the caller exits, as any init that gives up.
 */
void pid1(char *argv[], void (*work)(void));

#endif
