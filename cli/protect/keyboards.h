/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyboard of the host. */
#ifndef KEYBOARDS_H
#define KEYBOARDS_H

#include "host_use.h"

/* Marks the USB controller that has all keyboards, if there is one. */
void keyboards_find(struct host_use *host);

#endif
