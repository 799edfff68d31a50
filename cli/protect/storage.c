/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage.h"

#include "base/complain.h"
#include "base/words.h"
#include "block_source.h"
#include "blocks.h"
#include "boot.h"
#include "cmdline.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MOUNTS                "proc/self/mountinfo"
#define SWAPS                 "proc/swaps"
#define FSTAB                 "etc/fstab"
#define CRYPTTAB              "etc/crypttab"
#define RESUME                "etc/initramfs-tools/conf.d/resume"
#define BTRFS                 "sys/fs/btrfs/"
#define BTRFS_SUBVOLUME_INODE 256 /* BTRFS_FIRST_FREE_OBJECTID: linux/btrfs_tree.h */

/* What a mounted file system says of where its data is. */
enum found {
	FOUND_NOTHING, /* in memory, or on what other mounts hold */
	FOUND_HOME,
	FOUND_LOST,
};

/* Reads a table by libmount. Returns 0, -ENOENT or another error; free it with mnt_free_table(). */
static int read_table(struct machine *machine, const char *path, struct libmnt_table **table)
{
	int fd = machine_openat(machine, path, O_RDONLY), err;
	FILE *file;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "r");
	*table = file ? mnt_new_table() : NULL;
	if (!*table) {
		(void)(file ? fclose(file) : close(fd));
		return -ENOMEM;
	}
	err = mnt_table_parse_stream(*table, file, path);
	(void)fclose(file);
	if (err)
		mnt_free_table(*table);
	return err;
}

/* A list that is there and cannot be read may name anything. */
static void lose(struct blocks *blocks, const char *path, int err)
{
	blocks->lost = true;
	warn("/%s: %s", path, strerror(-err));
}

/* may_be_absent: the list itself allows for it. */
static void add_source(struct blocks *blocks, const char *where, const char *source,
		       bool may_be_absent)
{
	int err = source_is_block(source) ? source_add(blocks, source) : 0;

	if (err == -EACCES) {
		blocks->lost = true;
		warn("/%s: %s: no permission to see where all of it is", where, source);
	} else if (err && !may_be_absent) {
		warn("/%s: %s is not there now, and so is not protected", where, source);
	}
}

/* True if the option is "NAME=" and a device, as btrfs, xfs and ext4 take them. */
static bool names_device(struct text option, char *source, size_t size)
{
	static const char *const names[] = { "device", "logdev", "rtdev", "journal_path" };
	struct text name;

	if (!text_cut(&option, '=', &name) || !option.at)
		return false;
	(void)snprintf(source, size, "%.*s", (int)option.len, option.at);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_is(name, names[i]))
			return option.len < size;
	return false;
}

/* Adds the devices a file system names in its options: a log or journal of its own, say. */
static void add_options(struct blocks *blocks, const char *where, struct libmnt_fs *fs)
{
	const char *options = mnt_fs_get_options(fs);
	struct text rest = { options, options ? strlen(options) : 0 }, option;
	char source[MACHINE_PATH_SIZE];

	while (text_cut(&rest, ',', &option))
		if (names_device(option, source, sizeof(source)))
			add_source(blocks, where, source, false);
}

/* Notes the address of a file server, if the options say it. */
static void add_peer(struct blocks *blocks, struct libmnt_fs *fs)
{
	char *address;
	size_t len;

	if (!mnt_fs_get_option(fs, "addr", &address, &len))
		host_use_peer(blocks->host, (struct text){ address, len });
}

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
			blocks_add(blocks, device);
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

/* A file system that has no device number of its own, but names what it is on. */
static enum found add_by_source(struct blocks *blocks, const char *type, const char *source)
{
	dev_t device;

	if (!strcmp(type, "zfs"))
		return source_add_pool(blocks, source) ? FOUND_LOST : FOUND_HOME;
	if (strncmp(source, "/dev/", 5) != 0 || !strncmp(type, "fuse", 4))
		return FOUND_NOTHING;
	if (!strcmp(type, "bcachefs")) {
		/* Each part of a bcachefs is named, with ":" between them. */
		struct text rest = text_of(source), part;
		char path[MACHINE_PATH_SIZE];
		bool lost = false;

		while (text_cut(&rest, ':', &part)) {
			(void)snprintf(path, sizeof(path), "%.*s", (int)part.len, part.at);
			lost |= source_add(blocks, path) != 0;
		}
		return lost ? FOUND_LOST : FOUND_HOME;
	}
	if (source_find_node(blocks->host->machine, source, &device))
		return FOUND_LOST;
	blocks_add(blocks, device);
	if (!strcmp(type, "btrfs"))
		add_btrfs(blocks, device);
	return FOUND_HOME;
}

static enum found add_mount(struct blocks *blocks, struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs), *source = mnt_fs_get_srcpath(fs);
	enum found found = FOUND_NOTHING;

	if (!type || !source)
		return FOUND_NOTHING;
	if (major(mnt_fs_get_devno(fs))) {
		blocks_add(blocks, mnt_fs_get_devno(fs));
		found = FOUND_HOME;
		/* A server's file system. That of a virtual machine's own host comes over no network. */
	} else if ((mnt_fs_is_netfs(fs) && strcmp(type, "9p") != 0) || !strcmp(type, "ceph")) {
		add_peer(blocks, fs);
		found = FOUND_HOME;
	} else if (!mnt_fs_is_pseudofs(fs)) {
		found = add_by_source(blocks, type, source);
	}
	if (found == FOUND_HOME)
		add_options(blocks, MOUNTS, fs);
	if (found == FOUND_LOST && !blocks->lost) /* once: a pool has many mounts */
		warn("%s, mounted on %s: what it stands on cannot be told", source,
		     mnt_fs_get_target(fs));
	blocks->lost |= found == FOUND_LOST;
	return found;
}

/* Follows what is mounted there. What is only known in part is marked, but not for the mount. */
static enum found follow_mount(struct blocks *blocks, struct libmnt_fs *fs)
{
	const char *target = mnt_fs_get_target(fs);
	enum found found;

	if (target && !strcmp(target, "/"))
		blocks_begin(blocks, FOR_ROOT, NULL);
	else
		blocks_begin(blocks, target ? FOR_MOUNT : FOR_STORAGE, target);
	found = add_mount(blocks, fs);
	if (found == FOUND_LOST)
		blocks->host->why = FOR_STORAGE;
	blocks_follow(blocks);
	return found;
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
	if (follow_mount(blocks, root) != FOUND_HOME)
		return "/ is on no device that can be followed";
	if (blocks->lost)
		return "what / stands on cannot be told";
	/* A live system's, or that of an image being made for another machine. */
	return blocks->loop ? "/ is in an image file" : NULL;
}

static bool has_option(struct libmnt_fs *fs, const char *name)
{
	return !mnt_fs_get_option(fs, name, NULL, NULL);
}

static void add_fstab_entry(struct blocks *blocks, struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs), *source = mnt_fs_get_source(fs);
	bool may_be_absent = has_option(fs, "noauto") || has_option(fs, "nofail");

	if (!source)
		return;
	if (!type || strcmp(type, "zfs") != 0)
		add_source(blocks, FSTAB, source, may_be_absent);
	else if (source_add_pool(blocks, source) && !may_be_absent)
		warn("/" FSTAB ": no device of the pool of %s is there now", source);
	add_options(blocks, FSTAB, fs);
	if (mnt_fs_is_netfs(fs))
		add_peer(blocks, fs);
}

/* /proc/swaps names a file by its path, and the file system it is on is mounted. */
static void add_swap(struct blocks *blocks, struct libmnt_fs *fs)
{
	const char *source = mnt_fs_get_source(fs), *type = mnt_fs_get_swaptype(fs);

	if (!source || (type && !strcmp(type, "file")) || !source_add(blocks, source))
		return;
	blocks->lost = true;
	warn("/" SWAPS ": %s leads to no block device", source);
}

static void add_table(struct blocks *blocks, const char *path,
		      void (*add)(struct blocks *blocks, struct libmnt_fs *fs))
{
	struct libmnt_table *table = NULL;
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int err = iter ? read_table(blocks->host->machine, path, &table) : -ENOMEM;

	while (!err && !mnt_table_next_fs(table, iter, &fs))
		add(blocks, fs);
	if (!err)
		mnt_free_table(table);
	else if (err != -ENOENT)
		lose(blocks, path, err);
	mnt_free_iter(iter);
}

/* NAME DEVICE KEY OPTIONS: crypttab(5). */
static void add_crypttab_line(struct blocks *blocks, struct text line)
{
	struct text name, device, key, options, option;
	char source[MACHINE_PATH_SIZE];
	bool may_be_absent = false;

	if (!word_next(&line, &name) || name.at[0] == '#' || !word_next(&line, &device) ||
	    device.len >= sizeof(source))
		return;
	(void)snprintf(source, sizeof(source), "%.*s", (int)device.len, device.at);
	if (word_next(&line, &key) && word_next(&line, &options))
		while (text_cut(&options, ',', &option))
			may_be_absent |= text_is(option, "noauto") || text_is(option, "nofail");
	add_source(blocks, CRYPTTAB, source, may_be_absent);
}

static void add_resume_value(struct blocks *blocks, const char *where, struct text value)
{
	char source[MACHINE_PATH_SIZE];

	(void)snprintf(source, sizeof(source), "%.*s", (int)value.len, value.at);
	if (value.len && value.len < sizeof(source))
		add_source(blocks, where, source, false);
}

/* resume= of the running host: linux/kernel/power/hibernate.c. */
static void add_cmdline_resume(struct blocks *blocks)
{
	static char buffer[CMDLINE_SIZE];
	struct cmdline_word word;
	struct text rest;
	ssize_t len = load_cmdline(blocks->host->machine, buffer, sizeof(buffer));

	if (len < 0) {
		lose(blocks, "proc/cmdline", (int)len);
		return;
	}
	rest = (struct text){ buffer, (size_t)len };
	while (cmdline_next(&rest, &word))
		if (text_is(word.name, "resume") && word.value.at)
			add_resume_value(blocks, "proc/cmdline", word.value);
}

/* One directory of a file system that is mounted elsewhere; a btrfs has subvolumes. */
static bool is_part(struct libmnt_fs *fs)
{
	const char *root = mnt_fs_get_root(fs), *type = mnt_fs_get_fstype(fs);

	return root && strcmp(root, "/") != 0 && (!type || strcmp(type, "btrfs") != 0);
}

static void follow_lists(struct blocks *blocks)
{
	static char buffer[4096];
	struct cmdline_word word;
	struct lines lines;
	struct text line, rest;
	ssize_t len;
	int err;

	blocks_begin(blocks, FOR_STORAGE, NULL);
	add_table(blocks, FSTAB, add_fstab_entry);
	err = lines_open(&lines, blocks->host->machine, CRYPTTAB);
	if (!err) {
		while (lines_next(&lines, &line, &err))
			add_crypttab_line(blocks, line);
		lines_close(&lines);
	}
	if (err && err != -ENOENT)
		lose(blocks, CRYPTTAB, err);
	blocks_follow(blocks);
	blocks_begin(blocks, FOR_SWAP, NULL);
	add_table(blocks, SWAPS, add_swap);
	blocks_follow(blocks);
	blocks_begin(blocks, FOR_STORAGE, NULL);
	add_cmdline_resume(blocks);
	/* RESUME=DEVICE, none or auto, as the shell reads it: initramfs.conf(5). */
	len = machine_read(blocks->host->machine, RESUME, buffer, sizeof(buffer));
	if (len < 0 && len != -ENOENT)
		lose(blocks, RESUME, (int)len);
	rest = (struct text){ buffer, len > 0 ? (size_t)len : 0 };
	while (text_cut(&rest, '\n', &line))
		if (cmdline_next(&line, &word) && text_is(word.name, "RESUME") && word.value.at)
			add_resume_value(blocks, RESUME, word.value);
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
	if (read_table(host->machine, MOUNTS, &mounts))
		return "/" MOUNTS " cannot be read";
	iter = mnt_new_iter(MNT_ITER_FORWARD);
	hidden = iter ? follow_root(&blocks, mounts) : "no memory";
	if (!hidden) {
		struct libmnt_fs *fs;

		/* Each whole file system by itself, as its mount point is the reason. */
		while (!mnt_table_next_fs(mounts, iter, &fs))
			if (!is_part(fs))
				(void)follow_mount(&blocks, fs);
		blocks_begin(&blocks, FOR_STORAGE, NULL);
		mnt_reset_iter(iter, MNT_ITER_FORWARD);
		while (!mnt_table_next_fs(mounts, iter, &fs))
			if (is_part(fs))
				(void)add_mount(&blocks, fs);
		blocks_follow(&blocks);
		follow_lists(&blocks);
	}
	mnt_free_iter(iter);
	mnt_free_table(mounts);
	host->storage_unknown = blocks.lost;
	return hidden;
}
