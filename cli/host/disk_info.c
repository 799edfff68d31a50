/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk_info.h"

#include <string.h>

#define CLASS_NVME "sys/class/nvme/"
#define BLOCK      "sys/block/"

/* Without the blanks that fill it up, and without what a terminal would obey. */
static void set_text(char out[DISK_TEXT_SIZE], const char *at, size_t len)
{
	while (len && (at[0] == ' ' || at[0] == '\0')) {
		at++;
		len--;
	}
	while (len && (at[len - 1] == ' ' || at[len - 1] == '\n' || at[len - 1] == '\0'))
		len--;
	if (len >= DISK_TEXT_SIZE)
		len = DISK_TEXT_SIZE - 1;
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(at[i] < ' ' || at[i] > '~' ? '?' : at[i]);
	out[len] = '\0';
}

static bool read_text(struct machine *machine, const char *dir, const char *name,
		      char out[DISK_TEXT_SIZE])
{
	char path[MACHINE_PATH_SIZE], text[256];
	ssize_t len;

	if (!join(path, sizeof(path), dir, name, ""))
		return false;
	len = machine_read_attribute(machine, path, text, sizeof(text));
	if (len > 0)
		set_text(out, text, (size_t)len);
	return len > 0;
}

/* Page 80h of a SCSI disk: four bytes, of which the last two are a length, and then the text. */
static void read_page80(struct machine *machine, const char *dir, char out[DISK_TEXT_SIZE])
{
	char path[MACHINE_PATH_SIZE], page[256];
	ssize_t len;

	if (!join(path, sizeof(path), dir, "/device/vpd_pg80", ""))
		return;
	len = machine_read_attribute(machine, path, page, sizeof(page));
	if (len > 4)
		set_text(out, page + 4, (size_t)len - 4);
}

/* Adds the disk or NVMe controller of that name, which is a link in parent. */
static struct disk_info *add(struct disk_list *list, struct machine *machine,
			     const struct inventory *inventory, const char *dir, const char *name)
{
	struct disk_info *disk = &list->disks[list->count];
	char link[MACHINE_PATH_SIZE];
	ssize_t len = machine_readlink(machine, dir, link, sizeof(link));

	if (len <= 0 || list->count == DISK_LIST_MAX)
		return NULL;
	disk->function = inventory_find_in_path(inventory, (struct text){ link, (size_t)len });
	if (disk->function == NO_DEVICE || !join(disk->name, sizeof(disk->name), name, "", ""))
		return NULL;
	list->count++;
	return disk;
}

/* With native multipath a disk is not below its function, but its controller always is. */
static void add_nvme(struct disk_list *list, struct machine *machine,
		     const struct inventory *inventory, const char *name)
{
	char dir[MACHINE_PATH_SIZE];
	struct disk_info *disk;

	if (!join(dir, sizeof(dir), CLASS_NVME, name, ""))
		return;
	disk = add(list, machine, inventory, dir, name);
	if (!disk)
		return;
	(void)read_text(machine, dir, "/model", disk->model);
	(void)read_text(machine, dir, "/serial", disk->serial);
}

static void add_block(struct disk_list *list, struct machine *machine,
		      const struct inventory *inventory, const char *name)
{
	char dir[MACHINE_PATH_SIZE];
	struct disk_info *disk;

	if (!strncmp(name, "nvme", 4) || !join(dir, sizeof(dir), BLOCK, name, ""))
		return;
	disk = add(list, machine, inventory, dir, name);
	if (!disk)
		return;
	(void)read_text(machine, dir, "/device/model", disk->model);
	/* virtio's stands below the disk itself: linux/drivers/block/virtio_blk.c:serial_show */
	if (!read_text(machine, dir, "/serial", disk->serial))
		read_page80(machine, dir, disk->serial);
}

static void list_dir(struct disk_list *list, struct machine *machine,
		     const struct inventory *inventory, const char *path,
		     void (*add_one)(struct disk_list *list, struct machine *machine,
				     const struct inventory *inventory, const char *name))
{
	static struct dir dir;
	const char *name;
	int err;

	if (dir_open(machine, path, &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		add_one(list, machine, inventory, name);
	dir_close(&dir);
}

void disk_list_read(struct disk_list *list, struct machine *machine,
		    const struct inventory *inventory)
{
	list->count = 0;
	list_dir(list, machine, inventory, CLASS_NVME, add_nvme);
	list_dir(list, machine, inventory, BLOCK, add_block);
}
