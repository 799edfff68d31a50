/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit that starts the binder in an image with systemd: which file counts, with its drop-ins
 * (systemd.unit(5)), and whether systemd then starts it before anything that loads a driver.
 */
#ifndef UNITORDER_H
#define UNITORDER_H

#include "finding.h"
#include "image_file.h"

/* Writes what is found. False where there is no such unit: something else may call the binder. */
bool unit_order(const struct image_tree *image, struct image_order *order);

#endif
