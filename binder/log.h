/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines for people: to the kernel log at boot, to stderr where there is none. */
#ifndef LOG_H
#define LOG_H

#include "diag.h"
#include "machine.h"

/* The levels of the kernel log (linux/kern_levels.h) we use: quiet shows errors only. */
enum level { LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

/* Where lines go from now on; until then, and without a dev/kmsg, to stderr. */
void log_open(struct machine *machine, bool also_stderr);

/* Writes one line; its prefix and its end are added. A line over 512 bytes is cut. */
__attribute__((format(printf, 2, 3))) void log_line(enum level level, const char *how, ...);

/* For diag.emit: logs a mistake, or no more of them once there were many. */
void log_mistake(struct diag *diag, const struct mistake *mistake);

#endif
