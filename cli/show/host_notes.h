/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host uses each function for, as a person would say it: root, swap, /boot. */
#ifndef HOSTNOTES_H
#define HOSTNOTES_H

#include "host/host.h"

struct host_notes {
	struct host *host;
	struct needs needs;
};

/* Takes what host_use_find() saw, what else the protect list has, and who shows the picture. */
void host_notes_find(struct host_notes *notes, struct host *host);

/* Its frozen word, or the mount point. */
const char *need_word(const struct need *need);

#endif
