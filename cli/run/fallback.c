/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind fallback: a second entry of the boot menu, without vfio-bind. */
#include "fallback.h"

#include "base/arguments.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const change_words[] = {
	[FALLBACK_MADE] = "made",
	[FALLBACK_KEPT] = "kept",
	[FALLBACK_REMOVED] = "removed",
};

void fallback_add(struct fallback *fallback, const char *path, enum fallback_change change)
{
	struct json_object *entry = json_object_new_object();
	char absolute[MACHINE_PATH_SIZE];

	(void)snprintf(absolute, sizeof(absolute), "/%s", path);
	json_add_string(entry, "file", absolute);
	json_add_string(entry, "change", change_words[change]);
	(void)json_object_array_add(fallback->entries, entry);
}

/* Finds a unified kernel image; out begins with a slash. */
static bool find_uki(struct machine *machine, char out[MACHINE_PATH_SIZE])
{
	static const char *const dirs[] = { "efi/EFI/Linux", "boot/EFI/Linux",
					    "boot/efi/EFI/Linux" };
	struct dir dir;
	const char *name;
	bool found = false;
	int err;

	for (size_t i = 0; !found && i < ARRAY_SIZE(dirs); i++) {
		if (dir_open(machine, dirs[i], &dir))
			continue;
		while (!found && (name = dir_next(&dir, &err)))
			if (text_ends(text_of(name), ".efi"))
				found = snprintf(out, MACHINE_PATH_SIZE, "/%s/%s", dirs[i], name) <
					MACHINE_PATH_SIZE;
		dir_close(&dir);
	}
	return found;
}

/* The worse of two ends: any but the good one. */
static int both(int a, int b)
{
	return a == EXIT_AS_CONFIGURED ? b : a;
}

static int work(struct fallback *fallback)
{
	char uki[MACHINE_PATH_SIZE];
	bool none;
	int code;

	if (!fallback->remove && machine_has(&fallback->machine, "run/ostree-booted"))
		return complain(
			EXIT_FAILED,
			"ostree writes its entries anew with each deployment, and would drop "
			"another: press e in the menu and add " FALLBACK_WORD);
	if (fallback->remove)
		return both(loader_entries_remove(fallback), grub_remove(fallback));
	code = loader_entries_make(fallback);
	if (fallback->refresh)
		return code; /* grub.cfg is written anew by who installs a kernel */
	if (grub_is_used(&fallback->machine))
		code = both(code, grub_make(fallback));
	if (code != EXIT_AS_CONFIGURED)
		return code;
	/* What the entries that were made are not for, or why none could be made. */
	none = !json_object_array_length(fallback->entries);
	if (machine_has(&fallback->machine, "etc/kernel/proxmox-boot-uuids"))
		warn("proxmox-boot-tool: the entry is there where it says grub; where it says "
		     "uefi, "
		     "press e in the menu and add " FALLBACK_WORD);
	if (find_uki(&fallback->machine, uki)) {
		static const char why[] =
			"%s: a unified kernel image has its command line in it, and no entry "
			"beside "
			"it can have another. Build a second one, or a profile of it, "
			"with " FALLBACK_WORD ": ukify build --cmdline=\"" FALLBACK_WORD
			" ...\"; without Secure Boot, "
			"press e in the menu and add the word";

		if (none)
			return complain(EXIT_FAILED, why, uki);
		warn(why, uki);
	}
	if (none)
		return complain(
			EXIT_FAILED,
			"no boot loader is known here: there is no grub.cfg that grub-mkconfig "
			"writes, and no entry of a kernel in /boot, /efi or /boot/efi; "
			"add " FALLBACK_WORD " to an entry by hand");
	return EXIT_AS_CONFIGURED;
}

static void print_text(const struct fallback *fallback, int code)
{
	size_t count = json_object_array_length(fallback->entries);

	for (size_t i = 0; i < count; i++) {
		struct json_object *entry = json_object_array_get_idx(fallback->entries, i);

		(void)printf("%s: %s\n", json_get_string(entry, "file"),
			     json_get_string(entry, "change"));
	}
	if (fallback->remove && !count && code == EXIT_AS_CONFIGURED)
		(void)puts("There was none.");
	else if (!fallback->remove && !fallback->refresh && code == EXIT_AS_CONFIGURED)
		(void)puts("The boot menu has an entry \"" FALLBACK_TITLE "\". How to get there: "
			   "vfio-bind-initramfs(7).");
}

static int take(void *context, int option, const char *value)
{
	struct fallback *fallback = context;

	(void)value;
	if (option == 'r')
		fallback->remove = true;
	else
		fallback->refresh = true;
	return -1;
}

int command_fallback(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = {
		{ "remove", no_argument, NULL, 'r' },
		{ "refresh", no_argument, NULL, 'f' },
	};
	struct fallback fallback = { .options = options };
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take,
		.context = &fallback,
		.usage = "[--remove | --refresh]",
	};
	int code = arguments_take(options, &arguments, argc, argv);
	struct json_object *object;

	if (code >= 0)
		return code;
	if (fallback.remove && fallback.refresh)
		return complain(EXIT_USAGE, "usage: vfio-bind fallback %s", arguments.usage);
	code = arguments_need_machine(options, argv[0], "to the boot menu");
	if (code >= 0)
		return code;
	code = arguments_open(fallback.options, &fallback.machine);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	object = json_object_new_object();
	fallback.entries = json_object_new_array();
	code = work(&fallback);
	machine_close(&fallback.machine);
	json_add_string(object, "result", exit_word((enum exit_code)code));
	(void)json_object_object_add(object, "entries", fallback.entries);
	if (fallback.options->json)
		json_print(object);
	else
		print_text(&fallback, code);
	(void)json_object_put(object);
	return code;
}
