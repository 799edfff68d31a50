/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_notes.h"

#include "base/complain.h"
#include "guard.h"
#include "protect/block_source.h"
#include "protect/blocks.h"
#include "protect/network.h"
#include "protect/routes.h"
#include "protect/storage.h"
#include "protect/storage_lists.h"

#include <stdio.h>
#include <string.h>

#define MOUNTS   "proc/self/mountinfo"
#define SWAPS    "proc/swaps"
#define GRAPHICS "sys/class/graphics/"

static bool has_note(const struct host_notes *notes, size_t index, enum purpose purpose,
		     const char *mount)
{
	const struct host_note *note = NULL;

	while ((note = host_notes_next(notes, index, note)))
		if (note->purpose == purpose && !strcmp(note->mount, mount))
			return true;
	return false;
}

static void add_mount(struct host_notes *notes, size_t index, enum purpose purpose,
		      const char *mount)
{
	struct host_note *note = &notes->notes[notes->count];

	if (notes->count == NOTES_MAX)
		return;
	note->index = index;
	note->purpose = purpose;
	(void)snprintf(note->mount, sizeof(note->mount), "%s", mount);
	if (!has_note(notes, index, purpose, note->mount))
		notes->count++;
}

static void add(struct host_notes *notes, size_t index, enum purpose purpose)
{
	add_mount(notes, index, purpose, "");
}

/* A look at one thing alone: what it stands on is marked in uses. */
static struct host_use *look(struct host_notes *notes)
{
	static struct host_use use;

	memset(&use, 0, sizeof(use));
	use.machine = &notes->host->judged.machine;
	use.inventory = &notes->host->judged.inventory;
	return &use;
}

/* The bridges on the way are the host's in any case. */
static void add_marked(struct host_notes *notes, const struct host_use *use, enum purpose purpose,
		       const char *mount)
{
	for (size_t i = 0; i < use->inventory->count; i++)
		if (use->uses[i] && !device_is_bridge(&use->inventory->devices[i]))
			add_mount(notes, i, purpose, mount);
}

/* One directory of a file system that is mounted elsewhere; a btrfs has subvolumes. */
static bool is_part(struct libmnt_fs *fs)
{
	const char *root = mnt_fs_get_root(fs), *type = mnt_fs_get_fstype(fs);

	return root && strcmp(root, "/") != 0 && (!type || strcmp(type, "btrfs") != 0);
}

static void note_mount(struct host_notes *notes, struct libmnt_fs *fs)
{
	static struct blocks blocks;
	const char *target = mnt_fs_get_target(fs);

	if (!target || is_part(fs))
		return;
	blocks = (struct blocks){ .host = look(notes) };
	if (!storage_add_mount(&blocks, fs))
		return;
	blocks_follow(&blocks);
	if (strcmp(target, "/") != 0)
		add_marked(notes, blocks.host, FOR_MOUNT, target);
	else
		add_marked(notes, blocks.host, FOR_ROOT, "");
}

static void note_swap(struct host_notes *notes, struct libmnt_fs *fs)
{
	static struct blocks blocks;
	const char *source = mnt_fs_get_source(fs), *type = mnt_fs_get_swaptype(fs);

	if (!source || (type && !strcmp(type, "file")))
		return; /* what it lies on is mounted */
	blocks = (struct blocks){ .host = look(notes) };
	if (source_add(&blocks, source))
		return;
	blocks_follow(&blocks);
	add_marked(notes, blocks.host, FOR_SWAP, "");
}

static void note_table(struct host_notes *notes, const char *path,
		       void (*note)(struct host_notes *notes, struct libmnt_fs *fs))
{
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_table *table;
	struct libmnt_fs *fs;

	if (iter && !storagelist_read(&notes->host->judged.machine, path, &table)) {
		while (!mnt_table_next_fs(table, iter, &fs))
			note(notes, fs);
		mnt_free_table(table);
	}
	mnt_free_iter(iter);
}

static void note_default_routes(struct host_notes *notes)
{
	static struct routes routes;

	routes_read(&routes, &notes->host->judged.machine);
	for (size_t i = 0; i < routes.count; i++) {
		struct host_use *use;

		if (routes.list[i].bits)
			continue;
		use = look(notes);
		network_follow(use, routes.list[i].interface);
		add_marked(notes, use, FOR_DEFAULT_ROUTE, "");
	}
}

/* What the kernel's console draws on, the firmware's or a DRM driver's. */
static void note_framebuffers(struct host_notes *notes)
{
	static struct dir dir;
	struct machine *machine = &notes->host->judged.machine;
	const char *name;
	int err;

	if (dir_open(machine, GRAPHICS, &dir))
		return;
	while ((name = dir_next(&dir, &err))) {
		char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
		size_t index = NO_DEVICE;
		ssize_t len;

		if (strncmp(name, "fb", 2) != 0 || !join(path, sizeof(path), GRAPHICS, name, ""))
			continue;
		len = machine_readlink(machine, path, link, sizeof(link));
		if (len > 0)
			index = inventory_find_in_path(&notes->host->judged.inventory,
						       (struct text){ link, (size_t)len });
		if (index != NO_DEVICE)
			add(notes, index, FOR_FRAMEBUFFER);
	}
	dir_close(&dir);
}

/* What the boot display is known by may be gone: see host.recalled. */
static void note_picture(struct host_notes *notes, size_t index)
{
	struct host *host = notes->host;

	if (decide_picture(&host->decision, index) == PICTURE_YES)
		add(notes, index, FOR_BOOT_DISPLAY);
	if (host->judged.inventory.devices[index].framebuffer && index != host->recalled)
		add(notes, index, FOR_FRAMEBUFFER);
}

/* True if a note says already for what it is protected. */
static bool has_note_of(const struct host_notes *notes, size_t index, enum use use)
{
	const struct host_note *note = NULL;

	while ((note = host_notes_next(notes, index, note)))
		if ((note->purpose == FOR_DEFAULT_ROUTE) == (use == USE_NETWORK))
			return true;
	return false;
}

/* What the list protects and no note says yet. */
static void note_protected(struct host_notes *notes, size_t index)
{
	static const struct {
		enum use use;
		enum purpose purpose;
	} uses[] = {
		{ USE_STORAGE, FOR_STORAGE },
		{ USE_NETWORK, FOR_NETWORK },
		{ USE_INPUT, FOR_KEYBOARD },
	};
	const struct judgement *judged = &notes->host->judged;
	bool wants_dsn;

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (protect_find(&judged->protect, &judged->inventory, index, uses[i].use,
				 &wants_dsn) &&
		    (uses[i].use == USE_INPUT || !has_note_of(notes, index, uses[i].use)))
			add(notes, index, uses[i].purpose);
}

void host_notes_find(struct host_notes *notes, struct host *host)
{
	bool visible = !host->from_file && !host->use.hidden;
	size_t warned = warnings_count();

	notes->host = host;
	notes->count = 0;
	if (visible) {
		note_table(notes, MOUNTS, note_mount);
		note_table(notes, SWAPS, note_swap);
		note_default_routes(notes);
	}
	warnings_forget(warned); /* host_use_find() gave them */
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		if (!device_is_bridge(&host->judged.inventory.devices[i]))
			note_protected(notes, i);
		note_picture(notes, i);
	}
	if (!host->from_file)
		note_framebuffers(notes);
}

const struct host_note *host_notes_next(const struct host_notes *notes, size_t index,
					const struct host_note *before)
{
	const struct host_note *note = before ? before + 1 : notes->notes;

	for (; note < notes->notes + notes->count; note++)
		if (note->index == index)
			return note;
	return NULL;
}

const char *host_note_word(const struct host_note *note)
{
	static const char *const words[] = {
		[FOR_ROOT] = "root",
		[FOR_MOUNT] = "",
		[FOR_SWAP] = "swap",
		[FOR_STORAGE] = "storage",
		[FOR_DEFAULT_ROUTE] = "default-route",
		[FOR_NETWORK] = "network",
		[FOR_KEYBOARD] = "keyboard",
		[FOR_BOOT_DISPLAY] = "boot-display",
		[FOR_FRAMEBUFFER] = "framebuffer",
	};

	return note->purpose == FOR_MOUNT ? note->mount : words[note->purpose];
}
