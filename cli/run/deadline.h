/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps a look at the machine that never returns from keeping a command from its end. */
#ifndef WATCH_H
#define WATCH_H

/*
 * Goes on in a child. The process that called waits for it and exits as it does; or, if it has
 * not called watch_end() within half a minute, says so and exits with EXIT_FAILED. A read does
 * not return while a driver hangs in the device's removal on kernels where even uevent takes the
 * lock of its device, as in Linux 6.1.
 */
void watch_begin(void);

/* All was read: from here on what is done has limits of its own, or none. */
void watch_end(void);

#endif
