/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a changed policy file in place: a reader finds all of the old one or all of the new one. */
#ifndef EDIT_H
#define EDIT_H

#include "machine.h"

/*
 * Replaces the file, which was old when it was judged, or creates it where old.at is NULL.
 * Mode and owner stay; a link stays too, and what it leads to is replaced. Returns 0, -ESTALE
 * if the file is not old any more, -EBUSY if somebody else is at it, -EXDEV if a link leads to
 * where others may write, or another error. Unless it returns 0 the file is what it was.
 */
int edit_write(struct machine *machine, const char *path, struct text old, struct text new);

#endif
