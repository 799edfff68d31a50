/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine made from what people paste into bug reports: `lspci -nn` with any of -k, -v, -vv, -vvv
 * and -D, `lspci -n` (lspci(8)), the loop over /sys/kernel/iommu_groups that guides recommend, find's
 * list of it, the kernel's log of it, and `udevadm info -e` (udevadm(8)), several one after the
 * other. Prompts, colours, tags of forums and other lines around them are passed over.
 */
#ifndef PASTED_H
#define PASTED_H

#include "text.h"

/* True where the text has a line of one of them, and no row of a machine file. */
bool pasted_is(struct text text);

/*
 * Writes what the text tells as a machine file (machine_file.h), to be freed, and warns of what
 * it does not tell. Path is for messages. NULL after a complaint, with an exit code in *code.
 */
char *pasted_rows(const char *path, struct text text, size_t *len, int *code);

#endif
