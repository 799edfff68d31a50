/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's driver took by ids= before any program ran, though the host is to have it. */
#ifndef GIVE_BACK_H
#define GIVE_BACK_H

#include "boot.h"

/*
 * A driver that is built into the kernel heeds an ids= of the command line, guards or no guards.
 * Gives back what a keep rule or protect names, and says so. In a dry run it only says so.
 */
void give_back_taken(struct boot *boot);

#endif
