/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/child.h"
#include "base/cmdline_files.h"
#include "fallback.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GRUB_D "etc/grub.d"
/* The last in the menu: an entry that GRUB_DEFAULT names by its number stays that. */
#define LINK_NAME "99_vfio-bind"
/* Without it the link leads nowhere, and grub-mkconfig runs only what it may execute. */
#define SCRIPT "usr/lib/vfio-bind/grub-fallback"
/* As the script says it. */
#define ENTRY_ID "'" FALLBACK_ID "'"

/* A grub.cfg, and what writes it. */
static const struct {
	const char *path, *program;
	bool takes_path;
} menus[] = {
	{ "boot/grub/grub.cfg", "update-grub", false },
	{ "boot/grub/grub.cfg", "grub-mkconfig", true },
	{ "boot/grub2/grub.cfg", "grub2-mkconfig", true },
	{ "boot/grub2/grub.cfg", "grub-mkconfig", true },
};

/* The menu that is there, with a program that writes it. Its index, or -1. */
static int find_menu(struct machine *machine, char program[CHILD_PROGRAM_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(menus); i++)
		if (machine_has(machine, menus[i].path) &&
		    child_find(machine, menus[i].program, program))
			return (int)i;
	return -1;
}

static bool has_string(struct text text, const char *string)
{
	return memmem(text.at, text.len, string, strlen(string)) != NULL;
}

/* True if a line of the menu has the string, and a later one what comes behind; "" is anything. */
static bool menu_says(struct machine *machine, const char *path, const char *string,
		      const char *behind)
{
	static struct lines lines;
	struct text line;
	bool began = false, found = false;
	int err = lines_open(&lines, machine, path);

	if (err)
		return false;
	while (!found && lines_next(&lines, &line, &err)) {
		if (!has_string(line, began ? behind : string))
			continue;
		found = began || !behind[0];
		began = true;
	}
	lines_close(&lines);
	return found;
}

bool grub_is_used(struct machine *machine)
{
	char program[CHILD_PROGRAM_SIZE];
	int menu = find_menu(machine, program);

	/* With the command blscfg the menu is what loader/entries holds: grub2-mkconfig on Fedora. */
	return menu >= 0 && machine_has(machine, GRUB_D "/10_linux") &&
	       !menu_says(machine, menus[menu].path, "blscfg", "");
}

static bool write_menu(struct fallback *fallback, int menu, const char *program)
{
	char name[CHILD_PROGRAM_SIZE], option[] = "-o", path[MACHINE_PATH_SIZE];
	char *argv[] = { name, option, path, NULL };

	(void)snprintf(name, sizeof(name), "%s", menus[menu].program);
	(void)snprintf(path, sizeof(path), "/%s", menus[menu].path);
	if (!menus[menu].takes_path)
		argv[1] = NULL;
	return child_run(fallback->options->root, program, argv);
}

/* Where they are, its menus lie on file systems of their own. */
static bool write_copies(struct fallback *fallback)
{
	char name[] = "proxmox-boot-tool", word[] = "refresh", program[CHILD_PROGRAM_SIZE];
	char *argv[] = { name, word, NULL };

	return !machine_has(&fallback->machine, "etc/kernel/proxmox-boot-uuids") ||
	       !child_find(&fallback->machine, name, program) ||
	       child_run(fallback->options->root, program, argv);
}

/* 1 if the link is there, 0 if nothing is, -EEXIST if something else is, or another error. */
static int find_link(struct machine *machine)
{
	char target[MACHINE_PATH_SIZE];
	int found = machine_exists(machine, GRUB_D "/" LINK_NAME);

	if (found <= 0)
		return found;
	if (machine_readlink(machine, GRUB_D "/" LINK_NAME, target, sizeof(target)) < 0 ||
	    strcmp(target, "/" SCRIPT) != 0)
		return -EEXIST;
	return 1;
}

static int change_link(struct machine *machine, bool there)
{
	int dir = machine_openat(machine, GRUB_D, O_RDONLY | O_DIRECTORY), err;

	if (dir < 0)
		return dir;
	err = there ? symlinkat("/" SCRIPT, dir, LINK_NAME) : unlinkat(dir, LINK_NAME, 0);
	err = err ? -errno : 0;
	(void)fsync(dir);
	(void)close(dir);
	return err;
}

/* Puts the link there and has the menu written. On a failure both are as before. */
static int make(struct fallback *fallback, int menu, const char *program, bool was_there)
{
	struct machine *machine = &fallback->machine;
	int err = was_there ? 0 : change_link(machine, true);

	if (err)
		return complain(EXIT_FAILED, "/" GRUB_D "/" LINK_NAME ": %s", strerror(-err));
	if (!write_menu(fallback, menu, program)) {
		if (!was_there)
			(void)change_link(machine, false);
		return complain(EXIT_FAILED, "/%s is not written: see above", menus[menu].path);
	}
	if (!menu_says(machine, menus[menu].path, ENTRY_ID, FALLBACK_WORD)) {
		(void)change_link(machine, false);
		return complain(
			EXIT_FAILED,
			"/%s has no entry of ours: /" GRUB_D
			"/10_linux gives none that could be copied; put one with " FALLBACK_WORD
			" into /" GRUB_D "/40_custom",
			menus[menu].path);
	}
	return write_copies(fallback) ?
		       EXIT_AS_CONFIGURED :
		       complain(EXIT_FAILED, "proxmox-boot-tool failed: see above");
}

int grub_make(struct fallback *fallback)
{
	char program[CHILD_PROGRAM_SIZE];
	int menu = find_menu(&fallback->machine, program), code;
	int there = find_link(&fallback->machine);

	if (there < 0)
		return complain(EXIT_FAILED, "/" GRUB_D "/" LINK_NAME ": %s",
				there == -EEXIST ? "it is not ours" : strerror(-there));
	if (!machine_has(&fallback->machine, SCRIPT))
		return complain(EXIT_FAILED, "/" SCRIPT ": %s", strerror(ENOENT));
	code = make(fallback, menu, program, there);
	if (code == EXIT_AS_CONFIGURED)
		fallback_add(fallback, menus[menu].path, there ? FALLBACK_KEPT : FALLBACK_MADE);
	return code;
}

/* What is not ours stays. A menu without the link may still have the entry. */
int grub_remove(struct fallback *fallback)
{
	struct machine *machine = &fallback->machine;
	char program[CHILD_PROGRAM_SIZE];
	int menu = find_menu(machine, program), there = find_link(machine);
	int err = there == 1 ? change_link(machine, false) : 0;

	if (err)
		return complain(EXIT_FAILED, "/" GRUB_D "/" LINK_NAME ": %s", strerror(-err));
	if (menu < 0 || !menu_says(machine, menus[menu].path, ENTRY_ID, ""))
		return EXIT_AS_CONFIGURED;
	if (!write_menu(fallback, menu, program) ||
	    menu_says(machine, menus[menu].path, ENTRY_ID, "") || !write_copies(fallback))
		return complain(EXIT_FAILED, "the entry is still in /%s: see above",
				menus[menu].path);
	fallback_add(fallback, menus[menu].path, FALLBACK_REMOVED);
	return EXIT_AS_CONFIGURED;
}
