/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vfio-bind keeps from one command to the next, in files below /var. */
#ifndef STATE_H
#define STATE_H

#include "machine.h"

#include <sys/types.h>
#include <time.h>

#define STATE_DIR "var/lib/vfio-bind"

/*
 * Writes a file, and makes the directories it is in. All of it is on the disk before it has its
 * name. Returns 0, or an error with the path that failed in machine->failed; then what was there
 * before still is.
 */
int state_write(struct machine *machine, const char *path, struct text text, mode_t mode);

/* Removes a file; none is fine. Returns 0 or an error, as above. */
int state_remove(struct machine *machine, const char *path);

/* When a file last changed; 0 for none. */
time_t state_time(struct machine *machine, const char *path);

#endif
