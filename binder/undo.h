/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gives storage and network functions that this boot bound back to the host, once, where its root
 * device does not come: whatever a policy says, the machine comes up.
 */
#ifndef UNDO_H
#define UNDO_H

#include "cmdline.h"
#include "machine.h"

/*
 * At once, by the report; its lines and the kernel log say `undone`. Does nothing if that was
 * done before in this boot. Returns the first error.
 */
int undo_now(struct machine *machine);

/*
 * One look of many, while the root device is missing. The time runs from the first one, and anew
 * from where somebody was busy, or where whoever calls did not look for a while: it asked for a
 * password then, or had a shell open. Returns true if there is something left to wait for.
 */
bool undo_look(struct machine *machine, uint32_t seconds);

/* Looks once a second, until a root is mounted or nothing is left to wait for. */
void undo_wait(struct machine *machine, uint32_t seconds);

/*
 * The same in a process of its own, for whoever goes on as another program: process 1. Where the
 * kernel command line has no root=, nobody will look for one: some systems live in an initramfs.
 */
void undo_start(struct machine *machine, const struct words *words);

#endif
