/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What driverctl(8) was told to do in each boot: a file for each device, whose only line is a driver. */
#ifndef DRIVERCTL_H
#define DRIVERCTL_H

#include "conf_file.h"
#include "device.h"

/* Hands out all lines of its files. Returns 0, also where there are none, or an error. */
int driverctl_read(struct machine *machine, conf_take take, void *context);

/* False if the line is about no PCI device; the driver points into it. */
bool driverctl_parse(const struct conf_line *line, struct address *address, struct text *driver);

#endif
