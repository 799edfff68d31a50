/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules as they are once decompressed, by libarchive. */
#ifndef UNPACK_H
#define UNPACK_H

#include "tree.h"

/*
 * Writes the module at path from to PATH in the tree, decompressed: a signature is made over
 * that, and stays good. Returns 0 or a negative errno, tree->failed saying more.
 */
int unpack_module(struct tree *tree, const char *path, const char *from);

#endif
