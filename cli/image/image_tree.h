/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of files that the kernel makes of an image. */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include "text.h"

#include <sys/types.h>

#define IMAGE_PATH_SIZE    1024
#define IMAGE_ARCHIVES_MAX 32

struct image_file {
	char *path; /* without leading slash; no link stands on the way to it */
	mode_t mode;
	uid_t uid;
	char *link;          /* what a symbolic link says */
	struct text content; /* allocated, if it was kept */
	/* Of several names of one file all but the first say which that is: it has the rest. */
	struct image_file *first;
	bool shared; /* it is, or was, the first of several names */
	bool gone;
};

struct image_tree {
	struct image_file **files; /* in the order of their paths, once all are read */
	size_t count;
	const char *archives[IMAGE_ARCHIVES_MAX]; /* how each is compressed */
	size_t archive_count;
	char *cmdline;   /* of a unified kernel image: its own; else NULL */
	char wrong[512]; /* why the kernel would not unpack all of it, or empty */
	bool unsure;     /* that may be wrong itself */
	bool (*keep)(const char *path);
	void *by_path; /* for tfind(3) */
};

void image_free(struct image_tree *image);

/* The file at path, links followed, or NULL. Of one with several names this is the first. */
const struct image_file *image_find(const struct image_tree *image, const char *path);

/* The same where path may itself be a link, which is not followed. */
const struct image_file *image_entry(const struct image_tree *image, const char *path);

/* What a file holds, if that was kept; else nothing. */
struct text image_content(const struct image_tree *image, const char *path);

/*
 * The names in a directory, in order: *at, from 0 on, is where the search goes on. NULL at the
 * end. What is below a name comes as NAME/..., and is to be passed over.
 */
const char *image_next(const struct image_tree *image, const char *dir, size_t *at);

/* What follows fills a tree. */

/* The file of that very path, or NULL: no link is followed. */
struct image_file *image_lookup(const struct image_tree *image, char *path);

/* Writes where a path leads, its last name followed if it is a link or not. */
bool image_resolve(const struct image_tree *image, const char *from, bool follow,
		   char path[IMAGE_PATH_SIZE]);

/* A new file, or the one of that path, which is replaced. NULL where memory ran out. */
struct image_file *image_put(struct image_tree *image, const char *path);

/* Whether a directory holds anything. */
bool image_holds(const struct image_tree *image, const char *path);

/* Removes a file from the tree; its other names stay. */
void image_drop(struct image_tree *image, struct image_file *file);

/* Lets go of what a file holds. */
void image_forget(struct image_file *file);

/* To be called once all files are there. */
void image_sort(struct image_tree *image);

#endif
