/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage.h"

#include "base/complain.h"
#include "block_source.h"
#include "storage_lists.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MOUNTS                "proc/self/mountinfo"
#define BTRFS                 "sys/fs/btrfs/"
#define BTRFS_SUBVOLUME_INODE 256 /* BTRFS_FIRST_FREE_OBJECTID: linux/btrfs_tree.h */

/* What a mounted file system says of where its data is. */
enum found {
	FOUND_NOTHING, /* in memory, or on what other mounts hold */
	FOUND_HOME,
	FOUND_LOST,
};

/*
 * Adds all devices of the btrfs a device is part of; its directory in sysfs has a link to each:
 * linux/fs/btrfs/sysfs.c. Returns false if there is no such directory.
 */
static bool add_members(struct blocks *blocks, const char *fsid, const char *member)
{
	struct machine *machine = blocks->host->machine;
	char path[MACHINE_PATH_SIZE], member_path[MACHINE_PATH_SIZE];
	struct dir dir;
	const char *name;
	dev_t device;
	int err;

	if (!join(path, sizeof(path), BTRFS, fsid, "/devices/") ||
	    !join(member_path, sizeof(member_path), path, member, "") ||
	    !machine_has(machine, member_path) || dir_open(machine, path, &dir))
		return false;
	while ((name = dir_next(&dir, &err))) {
		if (block_number(machine, path, name, &device))
			(void)blocks_add(blocks, device);
		else
			blocks->lost = true;
	}
	dir_close(&dir);
	return true;
}

static void add_btrfs(struct blocks *blocks, dev_t device)
{
	char member[BLOCK_NAME_SIZE];
	struct dir dir;
	const char *fsid;
	bool found = false;
	int err;

	if (!block_name(blocks->host->machine, device, member) ||
	    dir_open(blocks->host->machine, BTRFS, &dir))
		return;
	while (!found && (fsid = dir_next(&dir, &err)))
		found = add_members(blocks, fsid, member);
	dir_close(&dir);
}

/* Each part of a bcachefs is named, with ":" between them. */
static enum found add_parts(struct blocks *blocks, const char *source)
{
	struct text rest = text_of(source), part;
	char path[MACHINE_PATH_SIZE];
	enum found found = FOUND_HOME;

	while (text_cut(&rest, ':', &part)) {
		(void)snprintf(path, sizeof(path), "%.*s", (int)part.len, part.at);
		if (source_add(blocks, path))
			found = FOUND_LOST;
	}
	return found;
}

/* A file system that has no device number of its own, but names what it is on. */
static enum found add_by_source(struct blocks *blocks, const char *type, const char *source)
{
	dev_t device;

	if (!strcmp(type, "zfs"))
		return source_add_pool(blocks, source) ? FOUND_LOST : FOUND_HOME;
	if (strncmp(source, "/dev/", 5) != 0 || !strncmp(type, "fuse", 4))
		return FOUND_NOTHING;
	if (!strcmp(type, "bcachefs"))
		return add_parts(blocks, source);
	if (source_find_node(blocks->host->machine, source, &device))
		return FOUND_LOST;
	(void)blocks_add(blocks, device);
	if (!strcmp(type, "btrfs"))
		add_btrfs(blocks, device);
	return FOUND_HOME;
}

/* A server's file system. That of a virtual machine's own host comes over no network. */
static bool is_remote(struct libmnt_fs *fs, const char *type)
{
	return (mnt_fs_is_netfs(fs) && strcmp(type, "9p") != 0) || !strcmp(type, "ceph");
}

static enum found add_mount(struct blocks *blocks, struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs), *source = mnt_fs_get_srcpath(fs);
	enum found found = FOUND_NOTHING;

	if (!type || !source)
		return FOUND_NOTHING;
	if (major(mnt_fs_get_devno(fs))) {
		(void)blocks_add(blocks, mnt_fs_get_devno(fs));
		found = FOUND_HOME;
	} else if (is_remote(fs, type)) {
		storagelist_add_peer(blocks, fs);
		found = FOUND_HOME;
	} else if (!mnt_fs_is_pseudofs(fs)) {
		found = add_by_source(blocks, type, source);
	}
	if (found == FOUND_HOME)
		storagelist_add_options(blocks, MOUNTS, fs);
	if (found == FOUND_LOST && !blocks->lost) /* once: a pool has many mounts */
		warn("%s, mounted on %s: what it stands on cannot be told", source,
		     mnt_fs_get_target(fs));
	blocks->lost |= found == FOUND_LOST;
	return found;
}

bool storage_add_mount(struct blocks *blocks, struct libmnt_fs *fs)
{
	return add_mount(blocks, fs) == FOUND_HOME;
}

/* True if "/" is the root directory of process 1 too, and so of the running machine. */
static bool is_root_of_all(void)
{
	struct stat own, first;

	return !stat("/proc/1/root", &first) && !stat("/", &own) && own.st_dev == first.st_dev &&
	       own.st_ino == first.st_ino;
}

/* A whole file system, or a subvolume as btrfs hosts have for "/": not a directory in one. */
static bool is_whole(struct libmnt_fs *root)
{
	const char *dir = mnt_fs_get_root(root);
	struct stat st;

	return (dir && !strcmp(dir, "/")) ||
	       (!strcmp(mnt_fs_get_fstype(root), "btrfs") && !stat("/", &st) &&
		st.st_ino == BTRFS_SUBVOLUME_INODE);
}

/*
 * Follows "/". What an installer mounts and enters is the root the image will boot; a
 * directory that is entered is the root of no machine.
 */
static const char *follow_root(struct blocks *blocks, struct libmnt_table *mounts)
{
	struct libmnt_fs *root = mnt_table_find_target(mounts, "/", MNT_ITER_BACKWARD);

	if (!root)
		return "a chroot: / is not mounted";
	if (!blocks->host->machine->confined && !is_whole(root) && !is_root_of_all())
		return "a chroot: / is a directory of another system";
	if (add_mount(blocks, root) != FOUND_HOME)
		return "/ is on no device that can be followed";
	blocks_follow(blocks);
	if (blocks->lost)
		return "what / stands on cannot be told";
	/* A live system's, or that of an image being made for another machine. */
	return blocks->loop ? "/ is in an image file" : NULL;
}

static void follow_rest(struct blocks *blocks, struct libmnt_table *mounts,
			struct libmnt_iter *iter)
{
	struct libmnt_fs *fs;

	while (!mnt_table_next_fs(mounts, iter, &fs))
		(void)add_mount(blocks, fs);
	blocks_follow(blocks);
	storagelists_add(blocks);
	blocks_follow(blocks);
	if (blocks->zvol && source_add_pools(blocks)) {
		blocks->lost = true;
		warn("a ZFS volume is in use, and no device of its pool was found");
	}
	blocks_follow(blocks);
}

const char *storage_find(struct host_use *host)
{
	static struct blocks blocks;
	struct libmnt_table *mounts;
	struct libmnt_iter *iter;
	const char *hidden;

	blocks = (struct blocks){ .host = host };
	if (storagelist_read(host->machine, MOUNTS, &mounts))
		return "/" MOUNTS " cannot be read";
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	hidden = iter ? follow_root(&blocks, mounts) : "no memory";
	if (!hidden)
		follow_rest(&blocks, mounts, iter);
	mnt_free_iter(iter);
	mnt_free_table(mounts);
	host->storage_unknown = blocks.lost;
	return hidden;
}
