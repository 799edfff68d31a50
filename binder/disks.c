/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CLASS_BLOCK     "sys/class/block/"
#define NVME_SUBSYSTEMS "sys/class/nvme-subsystem"
#define OWN_NODE        "dev/.vfio-bind"

/* A search for the disks of one device. */
struct search {
	struct claims *claims;
	struct machine *machine;
	size_t index;
	char address[ADDRESS_SIZE];
	bool in_use;
};

static void refuse(struct search *search, const char *disk, int err)
{
	search->in_use = true;
	search->claims->refused.err = err;
	search->claims->refused.device = search->index;
	if (!join(search->claims->refused.disk, DISK_NAME_SIZE, disk, "", ""))
		search->claims->refused.disk[0] = '\0';
}

/* Opens a node of our own for a disk that /dev lacks, as in an initramfs without devtmpfs. */
static int open_by_number(struct machine *machine, const char *dev_path, int flags)
{
	char text[32];
	struct text rest, major_text;
	uint32_t major_number, minor_number;
	ssize_t len = machine_read_line(machine, dev_path, text, sizeof(text));
	int fd;

	if (len < 0)
		return (int)len;
	rest = text_of(text);
	if (!text_cut(&rest, ':', &major_text) || !rest.at ||
	    !text_number(major_text, UINT32_MAX, &major_number) ||
	    !text_number(rest, UINT32_MAX, &minor_number))
		return -EIO;
	if (mknodat(machine->root, OWN_NODE, S_IFBLK | 0600, makedev(major_number, minor_number)))
		return -errno;
	fd = machine_openat(machine, OWN_NODE, flags);
	(void)unlinkat(machine->root, OWN_NODE, 0);
	return fd;
}

static int open_disk(struct machine *machine, const char *name, const char *dev_path)
{
	/* O_NONBLOCK: an empty optical drive answers at once. */
	const int flags = O_RDONLY | O_EXCL | O_NONBLOCK;
	char node[MACHINE_PATH_SIZE];
	char *slash;
	int fd;

	if (!join(node, sizeof(node), "dev/", name, ""))
		return -ENAMETOOLONG;
	/* sysfs writes "!" for the "/" of a node's name: linux/lib/kobject.c */
	while ((slash = strchr(node, '!')))
		*slash = '/';
	fd = machine_openat(machine, node, flags);
	return fd == -ENOENT ? open_by_number(machine, dev_path, flags) : fd;
}

/*
 * dir ends with a slash. A directory without a dev file is no disk that could be opened. Where it
 * cannot be told what it is, it is in use.
 */
static void claim(struct search *search, const char *dir, const char *name)
{
	struct claims *claims = search->claims;
	char path[MACHINE_PATH_SIZE];
	int found, fd;

	if (!join(path, sizeof(path), dir, name, "/partition"))
		return;
	found = machine_exists(search->machine, path);
	if (found > 0)
		return; /* the claim of the whole disk covers its partitions */
	(void)join(path, sizeof(path), dir, name, "/dev");
	for (int ask = 0; ask < 2 && !found; ask++)
		found = machine_exists(search->machine, path);
	if (found < 0)
		refuse(search, name, found);
	if (found <= 0)
		return;
	fd = open_disk(search->machine, name, path);
	if (fd == -ENOMEDIUM)
		return;
	if (fd < 0) {
		refuse(search, name, fd);
	} else if (claims->count == ARRAY_SIZE(claims->held)) {
		(void)close(fd);
		refuse(search, name, -EMFILE);
	} else {
		claims->held[claims->count].fd = fd;
		claims->held[claims->count++].device = (uint16_t)search->index;
	}
}

/* True if one of the directories in a link's text is the device's own. */
static bool leads_through(struct text link, const char *address)
{
	struct text piece;

	while (text_cut(&link, '/', &piece))
		if (text_is(piece, address))
			return true;
	return false;
}

/* 1 if the link leads through the device, 0 if not, or an error. */
static int is_ours(struct search *search, const char *path)
{
	char link[MACHINE_PATH_SIZE];
	ssize_t len = machine_readlink(search->machine, path, link, sizeof(link));

	if (len < 0)
		return len == -ENOENT ? 0 : (int)len;
	return leads_through((struct text){ link, (size_t)len }, search->address);
}

static int claim_by_class(struct search *search)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE];
	const char *name;
	int err = dir_open(search->machine, CLASS_BLOCK, &dir), failed = 0;

	if (err)
		return err == -ENOENT ? 0 : err;
	while ((name = dir_next(&dir, &err))) {
		int ours;

		if (!join(path, sizeof(path), CLASS_BLOCK, name, ""))
			continue;
		ours = is_ours(search, path);
		if (ours > 0)
			claim(search, CLASS_BLOCK, name);
		else if (ours)
			failed = ours;
	}
	dir_close(&dir);
	return failed ? failed : err;
}

/* The disks of an NVMe subsystem that holds a controller which belongs to the device. */
static int claim_heads(struct search *search, const char *subsystem)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE], prefix[MACHINE_PATH_SIZE];
	const char *name;
	int err, ours = 0;

	if (!join(prefix, sizeof(prefix), NVME_SUBSYSTEMS "/", subsystem, "/"))
		return -ENAMETOOLONG;
	for (int pass = 0; pass < 1 + (ours > 0); pass++) {
		err = dir_open(search->machine, prefix, &dir);
		if (err)
			return err == -ENOENT ? 0 : err;
		while ((name = dir_next(&dir, &err))) {
			/* First the controllers, nvmeN, whose links tell; nvmeNnM are disks. */
			if (strncmp(name, "nvme", 4) != 0 || (!pass && strchr(name + 4, 'n')) ||
			    !join(path, sizeof(path), prefix, name, ""))
				continue;
			if (pass)
				claim(search, prefix, name);
			else if (!ours)
				ours = is_ours(search, path);
		}
		dir_close(&dir);
		if (err || ours < 0)
			return err ? err : ours;
	}
	return 0;
}

/*
 * With native multipath the disk is not below the function: it is the head of a subsystem,
 * to which only the controllers' links lead. A head with other paths would live on, but a
 * claim cannot tell, so its use counts.
 */
static int claim_by_subsystem(struct search *search)
{
	static struct dir dir;
	const char *name;
	int err = dir_open(search->machine, NVME_SUBSYSTEMS, &dir);

	if (err)
		return err == -ENOENT ? 0 : err;
	while ((name = dir_next(&dir, &err))) {
		int failed = claim_heads(search, name);

		if (failed) {
			err = failed;
			break;
		}
	}
	dir_close(&dir);
	return err;
}

int claims_take(struct claims *claims, struct machine *machine, const struct inventory *inventory,
		size_t index, bool *in_use)
{
	struct search search = { .claims = claims, .machine = machine, .index = index };
	int err;

	*in_use = false;
	if (!machine->live)
		return 0;
	(void)address_format(inventory->devices[index].address, search.address);
	err = claim_by_class(&search);
	if (!err)
		err = claim_by_subsystem(&search);
	*in_use = search.in_use;
	return err;
}

void claims_release(struct claims *claims, size_t index)
{
	size_t kept = 0;

	for (size_t i = 0; i < claims->count; i++) {
		if (claims->held[i].device == index)
			(void)close(claims->held[i].fd);
		else
			claims->held[kept++] = claims->held[i];
	}
	claims->count = kept;
}

void claims_release_all(struct claims *claims)
{
	while (claims->count)
		(void)close(claims->held[--claims->count].fd);
}

void claims_close_others(const struct claims *claims, size_t index)
{
	for (size_t i = 0; i < claims->count; i++)
		if (claims->held[i].device != index)
			(void)close(claims->held[i].fd);
}
