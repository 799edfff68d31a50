/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage_lists.h"

#include "base/complain.h"
#include "base/words.h"
#include "block_source.h"
#include "boot.h"
#include "cmdline.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FSTAB    "etc/fstab"
#define CRYPTTAB "etc/crypttab"
#define SWAPS    "proc/swaps"
#define RESUME   "etc/initramfs-tools/conf.d/resume"

int storagelist_read(struct machine *machine, const char *path, struct libmnt_table **table)
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

void storagelist_add_options(struct blocks *blocks, const char *where, struct libmnt_fs *fs)
{
	const char *options = mnt_fs_get_options(fs);
	struct text rest = { options, options ? strlen(options) : 0 }, option;
	char source[MACHINE_PATH_SIZE];

	while (text_cut(&rest, ',', &option))
		if (names_device(option, source, sizeof(source)))
			add_source(blocks, where, source, false);
}

void storagelist_add_peer(struct blocks *blocks, struct libmnt_fs *fs)
{
	char *address;
	size_t len;

	if (!mnt_fs_get_option(fs, "addr", &address, &len))
		host_use_peer(blocks->host, (struct text){ address, len });
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
	storagelist_add_options(blocks, FSTAB, fs);
	if (mnt_fs_is_netfs(fs))
		storagelist_add_peer(blocks, fs);
}

/* /proc/swaps names a file by its path, and the file system it is on is mounted. */
static void add_swap(struct blocks *blocks, struct libmnt_fs *fs)
{
	const char *source = mnt_fs_get_source(fs), *type = mnt_fs_get_swaptype(fs);

	if (!source || (type && !strcmp(type, "file")))
		return;
	if (!source_add(blocks, source))
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
	int err = iter ? storagelist_read(blocks->host->machine, path, &table) : -ENOMEM;

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

static void add_crypttab(struct blocks *blocks)
{
	struct lines lines;
	struct text line;
	int err = lines_open(&lines, blocks->host->machine, CRYPTTAB);

	if (!err) {
		while (lines_next(&lines, &line, &err))
			add_crypttab_line(blocks, line);
		lines_close(&lines);
	}
	if (err && err != -ENOENT)
		lose(blocks, CRYPTTAB, err);
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

/* RESUME=DEVICE, none or auto, as the shell reads it: initramfs.conf(5). */
static void add_configured_resume(struct blocks *blocks)
{
	static char buffer[4096];
	struct cmdline_word word;
	struct text rest, line;
	ssize_t len = machine_read(blocks->host->machine, RESUME, buffer, sizeof(buffer));

	if (len < 0 && len != -ENOENT)
		lose(blocks, RESUME, (int)len);
	rest = (struct text){ buffer, len > 0 ? (size_t)len : 0 };
	while (text_cut(&rest, '\n', &line))
		if (cmdline_next(&line, &word) && text_is(word.name, "RESUME") && word.value.at)
			add_resume_value(blocks, RESUME, word.value);
}

void storagelists_add(struct blocks *blocks)
{
	add_table(blocks, FSTAB, add_fstab_entry);
	add_crypttab(blocks);
	add_table(blocks, SWAPS, add_swap);
	add_cmdline_resume(blocks);
	add_configured_resume(blocks);
}
