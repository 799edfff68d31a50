/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_order.h"

#include "base/words.h"
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BINDER_FILE PAYLOAD_DIR "/binder"
#define UNIT        "vfio-bind-initrd.service"
#define NEXT_INIT   "init.vfio-bind-next"

const char *finding_word(enum finding_kind kind)
{
	static const char *const words[] = {
		[FOUND_RIGHT] = "right",     [FOUND_UNPROVEN] = "unproven",
		[FOUND_CHANGED] = "changed", [FOUND_OUTDATED] = "outdated",
		[FOUND_MISSING] = "missing", [FOUND_WRONG] = "wrong",
	};

	return words[kind];
}

__attribute__((format(printf, 3, 4))) static void say(struct image_order *order,
						      enum finding_kind kind, const char *how, ...)
{
	va_list arguments;

	order->kind = kind;
	va_start(arguments, how);
	(void)vsnprintf(order->detail, sizeof(order->detail), how, arguments);
	va_end(arguments);
}

static bool has(const struct image_tree *image, const char *path)
{
	return image_find(image, path);
}

static bool has_dir(const struct image_tree *image, const char *path)
{
	const struct image_file *file = image_find(image, path);

	return file && S_ISDIR(file->mode);
}

static bool is_program(const struct image_tree *image, const char *path)
{
	const struct image_file *file = image_find(image, path);

	return file && S_ISREG(file->mode) && file->mode & S_IXUSR;
}

/* Where the text has the other one first, or NULL. */
static const char *find(struct text text, const char *what)
{
	return text.at ? memmem(text.at, text.len, what, strlen(what)) : NULL;
}

/* A shell puts quotes around all words of a list. */
static struct text unquoted(struct text word)
{
	if (word.len && *word.at == '"') {
		word.at++;
		word.len--;
	}
	if (word.len && word.at[word.len - 1] == '"')
		word.len--;
	return word;
}

/* What follows KEY= on each of its lines has the word. */
static bool line_has(struct text text, const char *key, const char *wanted)
{
	size_t len = strlen(key);
	struct text line, word;

	while (text_cut(&text, '\n', &line)) {
		if (line.len < len || memcmp(line.at, key, len) != 0)
			continue;
		line.at += len;
		line.len -= len;
		while (word_next(&line, &word))
			if (text_is(unquoted(word), wanted))
				return true;
	}
	return false;
}

/*
 * The binder is what the kernel starts: byte for byte, or as what is left of it where a generator
 * strips programs, which still names the init it would go on with.
 */
static bool is_init(const struct image_tree *image)
{
	struct text init = image_content(image, "init");

	return init.len && (text_equal(init, image_content(image, BINDER_FILE)) ||
			    (init.at[0] == '\177' && find(init, "/" NEXT_INIT)));
}

static bool has_next_init(const struct image_tree *image)
{
	static const char *const inits[] = { NEXT_INIT, "usr/lib/booster/init", "sbin/init" };

	for (size_t i = 0; i < ARRAY_SIZE(inits); i++)
		if (is_program(image, inits[i]))
			return true;
	return false;
}

/* What is left where the image itself does not call the binder. */
static void say_pid1(const struct image_tree *image, struct image_order *order)
{
	if (is_init(image) && has_next_init(image))
		say(order, FOUND_RIGHT, "the binder is /init, and another init follows");
	else if (is_init(image))
		say(order, FOUND_WRONG, "the binder is /init, but there is no init to follow");
	else if (is_program(image, BINDER_FILE))
		say(order, FOUND_UNPROVEN,
		    "nothing here calls the binder: it takes rdinit=/" BINDER_FILE
		    " on the kernel command line");
	else
		say(order, FOUND_MISSING, "nothing here calls the binder");
}

/*
 * What systemd starts before anything loads a driver: modules-load and the coldplug of udev.
 * Nothing else orders a unit without default dependencies.
 */
static const char *unit_mistake(const struct image_tree *image, struct text unit)
{
	static const char *const later[] = { "systemd-modules-load.service",
					     "systemd-udevd.service",
					     "systemd-udev-trigger.service" };
	static char text[ORDER_TEXT_SIZE];

	if (!has(image, "etc/initrd-release"))
		return "there is no /etc/initrd-release, which " UNIT " asks for";
	if (!line_has(unit, "DefaultDependencies=", "no"))
		return UNIT " waits for others: it lacks DefaultDependencies=no";
	if (!find(unit, "/" BINDER_FILE))
		return UNIT " does not start the binder";
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (line_has(unit, "Before=", later[i]))
			continue;
		(void)snprintf(text, sizeof(text), UNIT " is not ordered before %s", later[i]);
		return text;
	}
	return NULL;
}

static void order_systemd(const struct image_tree *image, struct image_order *order)
{
	static const char *const dirs[] = { "etc/systemd/system/", "usr/lib/systemd/system/",
					    "lib/systemd/system/" };
	char path[IMAGE_PATH_SIZE];
	struct text unit = { 0 };
	bool wanted = false;
	const char *mistake;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		(void)snprintf(path, sizeof(path), "%s" UNIT, dirs[i]);
		if (!unit.len)
			unit = image_content(image, path);
		(void)snprintf(path, sizeof(path), "%ssysinit.target.wants/" UNIT, dirs[i]);
		wanted |= has(image, path);
	}
	mistake = unit_mistake(image, unit);
	if (!unit.len)
		say_pid1(image, order);
	else if (!wanted)
		say(order, FOUND_WRONG, UNIT " is there, but sysinit.target does not want it");
	else if (mistake)
		say(order, FOUND_WRONG, "%s", mistake);
	else
		say(order, FOUND_RIGHT, UNIT " before systemd-modules-load and systemd-udevd");
}

#define INIT_TOP "scripts/init-top"
#define SCRIPT   INIT_TOP "/00-vfio-bind"

/* The file that vfio-bind overlay brings along: /init sources it before it runs any script. */
static bool has_early_conf(const struct image_tree *image)
{
	char path[IMAGE_PATH_SIZE];
	const char *name;
	size_t at = 0;

	while ((name = image_next(image, "conf/conf.d", &at))) {
		(void)snprintf(path, sizeof(path), "conf/conf.d/%s", name);
		if (find(image_content(image, path), "/" BINDER_FILE))
			return true;
	}
	return false;
}

static void order_initramfs_tools(const struct image_tree *image, struct image_order *order)
{
	struct text text = image_content(image, INIT_TOP "/ORDER");
	const char *us = find(text, "/" SCRIPT " "), *udev = find(text, "/" INIT_TOP "/udev ");

	if (has_early_conf(image))
		say(order, FOUND_RIGHT, "in conf/conf.d, before all scripts");
	else if (!us || !has(image, SCRIPT))
		say_pid1(image, order);
	else if (!is_program(image, SCRIPT))
		say(order, FOUND_WRONG, SCRIPT " is not executable");
	else if (udev && udev < us)
		say(order, FOUND_WRONG, SCRIPT " runs behind udev");
	else
		say(order, FOUND_RIGHT, SCRIPT "%s", udev ? " before udev" : "");
}

/* rd.driver.pre= and force_drivers load drivers there: dracut's modules.d/80base. */
#define DRACUT_LOADS "01-parse-kernel.sh"

static const char *const dracut_hooks[] = {
	"var/lib/dracut/hooks/cmdline",
	"usr/lib/dracut/hooks/cmdline",
	"lib/dracut/hooks/cmdline",
	"etc/dracut/hooks/cmdline",
};

static void order_dracut(const struct image_tree *image, struct image_order *order)
{
	for (size_t i = 0; i < ARRAY_SIZE(dracut_hooks); i++) {
		const char *name;
		size_t at = 0;

		while ((name = image_next(image, dracut_hooks[i], &at))) {
			bool early = strcmp(name, DRACUT_LOADS) < 0;

			if (!text_ends(text_of(name), "-vfio-bind.sh"))
				continue;
			say(order, early ? FOUND_RIGHT : FOUND_WRONG,
			    "hook cmdline/%s %s %s, which loads drivers", name,
			    early ? "before" : "behind", DRACUT_LOADS);
			return;
		}
	}
	say_pid1(image, order);
}

static void order_mkinitcpio(const struct image_tree *image, struct image_order *order)
{
	bool listed = line_has(image_content(image, "config"), "EARLYHOOKS=", "vfio-bind");

	if (listed && is_program(image, "hooks/vfio-bind"))
		say(order, FOUND_RIGHT, "early hook, before modules and udev's coldplug");
	else if (listed)
		say(order, FOUND_WRONG,
		    "EARLYHOOKS has vfio-bind, but there is no hooks/vfio-bind");
	else
		say_pid1(image, order);
}

/* An init somebody wrote: what it does before it calls the binder is what counts. */
static void order_script(const struct image_tree *image, struct image_order *order)
{
	static const char *const loaders[] = { "modprobe", "insmod", "mdev", "udev", "nlplug" };
	struct text init = image_content(image, "init");
	const char *us = find(init, BINDER_FILE);
	struct text before = { init.at, us ? (size_t)(us - init.at) : 0 };

	if (is_init(image) || !us || find(init, "#!") != init.at) {
		say_pid1(image, order);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(loaders); i++) {
		if (!find(before, loaders[i]))
			continue;
		say(order, FOUND_WRONG, "/init calls the binder behind %s", loaders[i]);
		return;
	}
	say(order, FOUND_RIGHT, "/init calls the binder before it loads a driver");
}

static bool is_systemd(const struct image_tree *image)
{
	return is_program(image, "usr/lib/systemd/systemd") ||
	       is_program(image, "lib/systemd/systemd");
}

static bool is_dracut(const struct image_tree *image)
{
	for (size_t i = 0; i < ARRAY_SIZE(dracut_hooks); i++)
		if (has_dir(image, dracut_hooks[i]))
			return true;
	return has(image, "usr/lib/dracut-lib.sh") || has(image, "lib/dracut-lib.sh");
}

static bool is_initramfs_tools(const struct image_tree *image)
{
	return has(image, "conf/initramfs.conf") || has_dir(image, INIT_TOP);
}

static bool is_mkinitcpio(const struct image_tree *image)
{
	return has(image, "buildconfig") || has(image, "init_functions");
}

static bool is_booster(const struct image_tree *image)
{
	return has(image, "etc/booster.init.yaml");
}

static bool is_any(const struct image_tree *image)
{
	(void)image;
	return true;
}

void image_order(const struct image_tree *image, struct image_order *order)
{
	static const struct {
		const char *name;
		bool (*is)(const struct image_tree *image);
		void (*judge)(const struct image_tree *image, struct image_order *order);
	} generators[] = {
		{ "dracut", is_dracut, order_dracut },
		{ "initramfs-tools", is_initramfs_tools, order_initramfs_tools },
		{ "mkinitcpio", is_mkinitcpio, order_mkinitcpio },
		{ "booster", is_booster, say_pid1 },
		{ "systemd", is_systemd, order_systemd },
		{ "unknown", is_any, order_script },
	};
	size_t i = 0;

	while (!generators[i].is(image))
		i++;
	*order = (struct image_order){ .generator = generators[i].name,
				       .init_is_binder = is_init(image) };
	if (is_systemd(image)) /* hooks of dracut and mkinitcpio come too late, or not at all */
		order_systemd(image, order);
	else
		generators[i].judge(image, order);
}

bool image_order_needs(const char *path)
{
	static const char *const parts[] = { INIT_TOP "/ORDER", "conf/conf.d/", "/" UNIT };
	static const char *const paths[] = { "init", "config" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(path, parts[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (!strcmp(path, paths[i]))
			return true;
	return false;
}
