/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory a payload is written to. Paths have no leading slash, errors are negative
 * errno values, and failed says at what. Without its binder, which comes last and in one step,
 * a payload does nothing in an image: so one that was not finished does no harm.
 */
#ifndef TREE_H
#define TREE_H

#include "machine.h"

struct tree {
	int dir;
	char failed[MACHINE_PATH_SIZE];
};

/* Opens the directory at path and makes it if it is missing. Close it with tree_close(). */
int tree_open(struct tree *tree, const char *path);
void tree_close(struct tree *tree);

/*
 * Opens PATH.new for writing, with the directories above it. Once all is written,
 * tree_commit() gives it its mode and renames it to PATH; it closes fd in any case.
 */
int tree_create(struct tree *tree, const char *path);
int tree_commit(struct tree *tree, const char *path, int fd, mode_t mode);

/* Copies all of from, which is left open. */
int tree_copy(struct tree *tree, const char *path, int from, mode_t mode);
int tree_write(struct tree *tree, const char *path, struct text text);

/*
 * Writes the module at path from to PATH, decompressed by libarchive: a signature is made over
 * that, and stays good.
 */
int tree_unpack(struct tree *tree, const char *path, const char *from);

/* Removes a payload, whether of an earlier run or half done. */
int tree_clear(struct tree *tree);

#endif
