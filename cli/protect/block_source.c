/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block_source.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLASS_BLOCK "sys/class/block/"

/* Where udev puts links to devices by their tags: 60-persistent-storage.rules. */
static const struct {
	const char *tag, *dir;
} tag_dirs[] = {
	{ "UUID", "/dev/disk/by-uuid/" },
	{ "LABEL", "/dev/disk/by-label/" },
	{ "PARTUUID", "/dev/disk/by-partuuid/" },
	{ "PARTLABEL", "/dev/disk/by-partlabel/" },
	{ "ID", "/dev/disk/by-id/" },
};

static bool is_tag(const char *source)
{
	for (size_t i = 0; i < ARRAY_SIZE(tag_dirs); i++) {
		size_t len = strlen(tag_dirs[i].tag);

		if (!strncmp(source, tag_dirs[i].tag, len) && source[len] == '=')
			return true;
	}
	return false;
}

bool source_is_block(const char *source)
{
	dev_t device;

	return !strncmp(source, "/dev/", 5) || is_tag(source) ||
	       block_parse_number(text_of(source), &device);
}

/*
 * The device by the name of its node, once links to it are resolved. Where a tree has no real
 * nodes, its sysfs knows the name; it has "!" for the "/" of a node's name: linux/lib/kobject.c.
 */
static bool find_by_name(struct machine *machine, int fd, dev_t *device)
{
	char link[64], path[MACHINE_PATH_SIZE], *name = NULL, *slash;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return false;
	path[len] = '\0';
	for (char *at = path; (at = strstr(at, "/dev/")); at++)
		name = at + 5;
	if (!name)
		return false;
	while ((slash = strchr(name, '/')))
		*slash = '!';
	return block_number(machine, CLASS_BLOCK, name, device);
}

int source_find_node(struct machine *machine, const char *path, dev_t *device)
{
	int fd = machine_openat(machine, path + 1, O_PATH);
	struct stat st;
	bool found;

	if (fd < 0)
		return fd == -EACCES ? -EACCES : -ENOENT;
	found = !fstat(fd, &st) && S_ISBLK(st.st_mode);
	if (found)
		*device = st.st_rdev;
	else
		found = find_by_name(machine, fd, device);
	(void)close(fd);
	return found ? 0 : -ENOENT;
}

static int add_node(struct blocks *blocks, const char *path)
{
	dev_t device;
	int err = source_find_node(blocks->host->machine, path, &device);

	if (!err)
		blocks_add(blocks, device);
	return err;
}

static int add_by_link(struct blocks *blocks, const char *tag, const char *value)
{
	char encoded[256], path[MACHINE_PATH_SIZE];

	if (blkid_encode_string(value, encoded, sizeof(encoded)))
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(tag_dirs); i++)
		if (!strcmp(tag, tag_dirs[i].tag) &&
		    join(path, sizeof(path), tag_dirs[i].dir, encoded, ""))
			return add_node(blocks, path);
	return -ENOENT;
}

/* libblkid looks at the running machine's devices, so only where that is our root. */
static bool can_probe(const struct machine *machine)
{
	return machine->live && !machine->confined;
}

/* Looks at all devices once; the file libblkid would keep of it is the host's own affair. */
static blkid_cache probe(void)
{
	static blkid_cache cache;
	static bool probed;

	if (!probed && (blkid_get_cache(&cache, "/dev/null") || blkid_probe_all(cache)))
		cache = NULL;
	probed = true;
	return cache;
}

/* Adds every device that carries the tag. */
static int add_by_probe(struct blocks *blocks, const char *tag, const char *value,
			const char *label)
{
	blkid_cache cache = probe();
	blkid_dev_iterate iterate;
	blkid_dev found;
	int err = geteuid() ? -EACCES : -ENOENT;

	if (!cache)
		return err;
	iterate = blkid_dev_iterate_begin(cache);
	(void)blkid_dev_set_search(iterate, tag, value);
	while (!blkid_dev_next(iterate, &found)) {
		const char *name = blkid_dev_devname(found);

		if ((!label || blkid_dev_has_tag(found, "LABEL", label)) && name[0] == '/' &&
		    !add_node(blocks, name))
			err = 0;
	}
	blkid_dev_iterate_end(iterate);
	return err;
}

static int add_tag(struct blocks *blocks, const char *source)
{
	char *tag = NULL, *value = NULL;
	size_t before = blocks->met_count;
	int err;

	if (blkid_parse_tag_string(source, &tag, &value))
		return -ENOENT;
	err = add_by_link(blocks, tag, value);
	/* What was met before is mounted, and its other parts were met with it. */
	if ((err || blocks->met_count > before) && can_probe(blocks->host->machine)) {
		int probed = add_by_probe(blocks, tag, value, NULL);

		if (err || probed == -EACCES)
			err = probed;
	}
	free(tag);
	free(value);
	return err;
}

int source_add(struct blocks *blocks, const char *source)
{
	dev_t device;

	if (is_tag(source))
		return add_tag(blocks, source);
	if (source[0] == '/')
		return add_node(blocks, source);
	if (!block_parse_number(text_of(source), &device))
		return -ENOENT;
	blocks_add(blocks, device);
	return 0;
}

int source_add_pool(struct blocks *blocks, const char *dataset)
{
	char pool[256]; /* ZFS_MAX_DATASET_NAME_LEN */

	(void)snprintf(pool, sizeof(pool), "%.*s", (int)strcspn(dataset, "/"), dataset);
	if (!can_probe(blocks->host->machine))
		return add_by_link(blocks, "LABEL", pool);
	return add_by_probe(blocks, "TYPE", "zfs_member", pool) ? source_add_pools(blocks) : 0;
}

int source_add_pools(struct blocks *blocks)
{
	if (!can_probe(blocks->host->machine))
		return -ENOENT;
	return add_by_probe(blocks, "TYPE", "zfs_member", NULL);
}
