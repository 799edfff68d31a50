/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_tree.h"

#include "machine.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* As many links as Linux follows in one path: path_resolution(7). */
#define LINKS_MAX 40

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct image_file *)a)->path, ((const struct image_file *)b)->path);
}

struct image_file *image_lookup(const struct image_tree *image, char *path)
{
	struct image_file key = { .path = path };
	struct image_file **found = tfind(&key, (void *const *)&image->by_path, by_path);

	return found ? *found : NULL;
}

/*
 * Adds the name to the path, and follows the link this may be; the names it leads by are put
 * before rest. False where there is no way.
 */
static bool step(const struct image_tree *image, char path[IMAGE_PATH_SIZE], struct text name,
		 char rest[IMAGE_PATH_SIZE], unsigned *links)
{
	size_t len = strlen(path);
	char left[IMAGE_PATH_SIZE];
	struct image_file *file;

	if (!name.len || text_is(name, "."))
		return true;
	if (text_is(name, "..")) {
		char *slash = strrchr(path, '/');

		file = path[0] ? image_lookup(image, path) : NULL;
		if (path[0] && (!file || !S_ISDIR(file->mode)))
			return false;
		*(slash ? slash : path) = '\0';
		return true;
	}
	if (snprintf(path + len, IMAGE_PATH_SIZE - len, "%s%.*s", len ? "/" : "", (int)name.len,
		     name.at) >= (int)(IMAGE_PATH_SIZE - len))
		return false;
	file = image_lookup(image, path);
	if (!file || !S_ISLNK(file->mode))
		return true;
	path[file->link[0] == '/' ? 0 : len] = '\0';
	(void)join(left, sizeof(left), rest, "", "");
	return ++*links <= LINKS_MAX &&
	       snprintf(rest, IMAGE_PATH_SIZE, "%s/%s", file->link, left) < IMAGE_PATH_SIZE;
}

bool image_resolve(const struct image_tree *image, const char *from, bool follow,
		   char path[IMAGE_PATH_SIZE])
{
	char rest[IMAGE_PATH_SIZE], name[IMAGE_PATH_SIZE];
	unsigned links = 0;

	path[0] = '\0';
	if (snprintf(rest, sizeof(rest), "%s", from) >= (int)sizeof(rest))
		return false;
	while (rest[0]) {
		size_t len = strcspn(rest, "/"), next = len + strspn(rest + len, "/");

		memcpy(name, rest, len);
		name[len] = '\0';
		memmove(rest, rest + next, strlen(rest + next) + 1);
		if (!rest[0] && !follow && len && strcmp(name, ".") && strcmp(name, "..")) {
			size_t end = strlen(path);

			return snprintf(path + end, IMAGE_PATH_SIZE - end, "%s%s", end ? "/" : "",
					name) < (int)(IMAGE_PATH_SIZE - end);
		}
		if (!step(image, path, (struct text){ name, len }, rest, &links))
			return false;
	}
	return true;
}

void image_forget(struct image_file *file)
{
	union {
		const char *at;
		void *allocated;
	} content = { file->content.at };

	free(content.allocated);
	file->content = (struct text){ 0 };
}

static void clear(struct image_file *file)
{
	image_forget(file);
	free(file->link);
	file->link = NULL;
}

static void let_go(struct image_file *file)
{
	clear(file);
	free(file->path);
	free(file);
}

struct image_file *image_put(struct image_tree *image, const char *path)
{
	struct image_file *file, **list, **found;

	file = calloc(1, sizeof(*file));
	list = realloc(image->files, (image->count + 1) * sizeof(*list));
	if (list)
		image->files = list;
	if (file)
		file->path = strdup(path);
	found = file && file->path && list ? tsearch(file, &image->by_path, by_path) : NULL;
	if (found && *found == file)
		return image->files[image->count++] = file;
	if (file)
		free(file->path);
	free(file);
	if (found)
		clear(*found);
	return found ? *found : NULL;
}

bool image_holds(const struct image_tree *image, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < image->count; i++) {
		const struct image_file *file = image->files[i];

		if (!file->gone && !strncmp(file->path, path, len) && file->path[len] == '/')
			return true;
	}
	return false;
}

/* What the first of several names has goes to the next one. */
static void hand_on(struct image_tree *image, struct image_file *file)
{
	struct image_file *next = NULL;

	for (size_t i = 0; i < image->count; i++) {
		struct image_file *other = image->files[i];

		if (other->gone || other->first != file)
			continue;
		other->first = next;
		if (next)
			continue;
		next = other;
		next->mode = file->mode;
		next->uid = file->uid;
		next->content = file->content;
		next->shared = true;
		file->content = (struct text){ 0 };
	}
}

void image_drop(struct image_tree *image, struct image_file *file)
{
	(void)tdelete(file, &image->by_path, by_path);
	if (file->shared)
		hand_on(image, file);
	file->gone = true;
}

static int list_order(const void *a, const void *b)
{
	return by_path(*(struct image_file *const *)a, *(struct image_file *const *)b);
}

void image_sort(struct image_tree *image)
{
	size_t left = 0;

	for (size_t i = 0; i < image->count; i++) {
		if (!image->files[i]->gone)
			image->files[left++] = image->files[i];
		else
			let_go(image->files[i]);
	}
	image->count = left;
	if (image->count)
		qsort(image->files, image->count, sizeof(*image->files), list_order);
}

static void leave(void *file)
{
	(void)file; /* image->files has it too */
}

void image_free(struct image_tree *image)
{
	tdestroy(image->by_path, leave);
	for (size_t i = 0; i < image->count; i++) {
		let_go(image->files[i]);
	}
	free(image->files);
	free(image->cmdline);
	*image = (struct image_tree){ 0 };
}

const struct image_file *image_find(const struct image_tree *image, const char *path)
{
	char found[IMAGE_PATH_SIZE];

	const struct image_file *file =
		image_resolve(image, path, true, found) ? image_lookup(image, found) : NULL;

	return file && file->first ? file->first : file;
}

const struct image_file *image_entry(const struct image_tree *image, const char *path)
{
	char found[IMAGE_PATH_SIZE];

	return image_resolve(image, path, false, found) ? image_lookup(image, found) : NULL;
}

struct text image_content(const struct image_tree *image, const char *path)
{
	const struct image_file *file = image_find(image, path);

	return file ? file->content : (struct text){ 0 };
}

const char *image_next(const struct image_tree *image, const char *dir, size_t *at)
{
	char found[IMAGE_PATH_SIZE];
	size_t len;

	if (!image_resolve(image, dir, true, found))
		return NULL;
	len = strlen(found);
	for (; *at < image->count; ++*at) {
		const char *path = image->files[*at]->path;

		if (!strncmp(path, found, len) && path[len] == '/' && !strchr(path + len + 1, '/'))
			return image->files[(*at)++]->path + len + 1;
	}
	return NULL;
}
