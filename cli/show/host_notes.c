/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_notes.h"

#include "guard.h"

#include <stdio.h>
#include <string.h>

#define GRAPHICS "sys/class/graphics/"

static void add(struct host_notes *notes, size_t index, enum purpose why)
{
	(void)needs_add(&notes->needs, index, why, "");
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
	const struct need *note = NULL;

	while ((note = needs_next(&notes->needs, index, note)))
		if ((note->why == FOR_DEFAULT_ROUTE) == (use == USE_NETWORK))
			return true;
	return false;
}

/* What the list protects and no note says yet. */
static void note_protected(struct host_notes *notes, size_t index)
{
	static const struct {
		enum use use;
		enum purpose why;
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
			add(notes, index, uses[i].why);
}

void host_notes_find(struct host_notes *notes, struct host *host)
{
	notes->host = host;
	notes->needs.count = 0;
	/* What is marked without a better reason, the protect list says too. */
	for (size_t i = 0; i < host->use.needs.count; i++) {
		const struct need *need = &host->use.needs.list[i];

		if (need->why != FOR_STORAGE && need->why != FOR_NETWORK &&
		    need->why != FOR_KEYBOARD)
			(void)needs_add(&notes->needs, need->index, need->why, need->mount);
	}
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		if (!device_is_bridge(&host->judged.inventory.devices[i]))
			note_protected(notes, i);
		note_picture(notes, i);
	}
	if (!host->from_file)
		note_framebuffers(notes);
}

const char *need_word(const struct need *need)
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

	return need->why == FOR_MOUNT ? need->mount : words[need->why];
}
