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

static bool has_note(const struct host_notes *notes, size_t index, const char *text)
{
	for (size_t i = 0; i < notes->count; i++)
		if (notes->notes[i].index == index && !strcmp(notes->notes[i].text, text))
			return true;
	return false;
}

static void add(struct host_notes *notes, size_t index, const char *text)
{
	struct host_note *note = &notes->notes[notes->count];

	if (notes->count == NOTES_MAX || has_note(notes, index, text))
		return;
	note->index = index;
	(void)snprintf(note->text, sizeof(note->text), "%s", text);
	notes->count++;
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
static void add_marked(struct host_notes *notes, const struct host_use *use, const char *text)
{
	for (size_t i = 0; i < use->inventory->count; i++)
		if (use->uses[i] && !device_is_bridge(&use->inventory->devices[i]))
			add(notes, i, text);
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
	add_marked(notes, blocks.host, strcmp(target, "/") != 0 ? target : "root");
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
	add_marked(notes, blocks.host, "swap");
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
		add_marked(notes, use, "default-route");
	}
}

/* What the kernel's console draws on, be it of the firmware or of a DRM driver. */
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
			add(notes, index, "framebuffer");
	}
	dir_close(&dir);
}

/* What the boot display is known by may be gone: see host.recalled. */
static void note_picture(struct host_notes *notes, size_t index)
{
	struct host *host = notes->host;

	if (decide_picture(&host->decision, index) == PICTURE_YES)
		add(notes, index, "boot-display");
	if (host->judged.inventory.devices[index].framebuffer && index != host->recalled)
		add(notes, index, "framebuffer");
}

static bool has_word_of(const struct host_notes *notes, size_t index, enum use use)
{
	for (size_t i = 0; i < notes->count; i++) {
		const char *text = notes->notes[i].text;
		bool network = !strcmp(text, "default-route");

		if (notes->notes[i].index == index && network == (use == USE_NETWORK))
			return true;
	}
	return false;
}

/* What the list protects and no word says yet. */
static void note_protected(struct host_notes *notes, size_t index)
{
	static const struct {
		enum use use;
		const char *text;
	} words[] = {
		{ USE_STORAGE, "storage" },
		{ USE_NETWORK, "network" },
		{ USE_INPUT, "keyboard" },
	};
	const struct judgement *judged = &notes->host->judged;
	bool wants_dsn;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (protect_find(&judged->protect, &judged->inventory, index, words[i].use,
				 &wants_dsn) &&
		    (words[i].use == USE_INPUT || !has_word_of(notes, index, words[i].use)))
			add(notes, index, words[i].text);
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

bool host_notes_any(const struct host_notes *notes, size_t index)
{
	for (size_t i = 0; i < notes->count; i++)
		if (notes->notes[i].index == index)
			return true;
	return false;
}

struct json_object *host_notes_array(const struct host_notes *notes, size_t index)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < notes->count; i++)
		if (notes->notes[i].index == index)
			(void)json_object_array_add(array,
						    json_object_new_string(notes->notes[i].text));
	return array;
}
