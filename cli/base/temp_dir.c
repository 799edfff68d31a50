/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "temp_dir.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_DIRS 8

/* nftw(3) hands no data of ours to its callback. */
static struct scratch *listing;

int scratch_make(struct scratch *scratch)
{
	const char *parent = getenv("TMPDIR");

	*scratch = (struct scratch){ 0 };
	if (snprintf(scratch->dir, sizeof(scratch->dir), "%s/vfio-bind-XXXXXX",
		     parent && parent[0] ? parent : "/tmp") >= (int)sizeof(scratch->dir))
		return -ENAMETOOLONG;
	return mkdtemp(scratch->dir) ? 0 : -errno;
}

static int list(const char *path, const struct stat *st, int type, struct FTW *place)
{
	size_t len = strlen(listing->dir);

	(void)st;
	(void)type;
	if (!place->level)
		return 0;
	if (listing->count == SCRATCH_FILES_MAX)
		return EFBIG;
	listing->files[listing->count] = strdup(path + len + 1);
	return listing->files[listing->count++] ? 0 : ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int scratch_list(struct scratch *scratch)
{
	int result;

	listing = scratch;
	result = nftw(scratch->dir, list, OPEN_DIRS, FTW_PHYS);
	qsort(scratch->files, scratch->count, sizeof(*scratch->files), by_name);
	return result < 0 ? -errno : -result;
}

static int delete (const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st;
	(void)type;
	(void)place;
	(void)remove(path);
	return 0;
}

void scratch_remove(struct scratch *scratch)
{
	for (size_t i = 0; i < scratch->count; i++)
		free(scratch->files[i]);
	scratch->count = 0;
	if (scratch->dir[0])
		(void)nftw(scratch->dir, delete, OPEN_DIRS, FTW_PHYS | FTW_DEPTH);
}
