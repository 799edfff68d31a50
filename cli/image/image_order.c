/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_order.h"

#include "base/words.h"
#include "load.h"
#include "shell_text.h"
#include "unit_order.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BINDER_FILE PAYLOAD_DIR "/binder"
#define NEXT_INIT   "init.vfio-bind-next"
#define TEXT(text)  (int)(text).len, (text).at

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

/* What follows KEY= on the last of its lines. */
static struct text value_of(struct text text, const char *key)
{
	size_t len = strlen(key);
	struct text line, value = { 0 };

	while (text_cut(&text, '\n', &line))
		if (line.len >= len && !memcmp(line.at, key, len))
			value = (struct text){ line.at + len, line.len - len };
	return value;
}

static bool list_has(struct text list, const char *wanted)
{
	struct text word;

	while (word_next(&list, &word))
		if (text_is(unquoted(word), wanted))
			return true;
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
		order_say(order, FOUND_RIGHT, "the binder is /init, and another init follows");
	else if (is_init(image))
		order_say(order, FOUND_WRONG,
			  "the binder is /init, but there is no init to follow");
	else if (is_program(image, BINDER_FILE) && !is_program(image, "init") &&
		 !has_next_init(image))
		order_say(order, FOUND_WRONG, "there is no /init: the kernel starts nothing here");
	else if (is_program(image, BINDER_FILE))
		order_say(order, FOUND_UNKNOWN,
			  "nothing here calls the binder: it takes rdinit=/" BINDER_FILE
			  " on the kernel command line");
	else
		order_say(order, FOUND_MISSING, "nothing here calls the binder");
}

/* What a script of ours does; what runs before it, if anything did, is told already. */
static void say_script(struct image_order *order, struct text script, const char *path,
		       const char *function, const char *right)
{
	struct text by;

	switch (script_read(script, function, &by)) {
	case SCRIPT_CALLS:
		order_say(order, FOUND_RIGHT, "%s", right);
		break;
	case SCRIPT_IS_LATE:
		order_say(order, FOUND_WRONG, "/%s calls the binder behind %.*s", path, TEXT(by));
		break;
	case SCRIPT_MAY_BE:
		order_say(order, FOUND_UNKNOWN, "/%s has \"%.*s\": " BOOT_DECIDES, path, TEXT(by));
		break;
	case SCRIPT_NEVER:
	case SCRIPT_LOADS:
	case SCRIPT_MAY_LOAD:
		order_say(order, FOUND_WRONG, "/%s does not call the binder", path);
		break;
	}
}

/* Says what a script that runs before ours does, unless that is nothing; true if it said so. */
static bool say_earlier(struct image_order *order, struct text script, const char *path,
			const char *function)
{
	struct text by;
	enum script_does does = script_read(script, function, &by);

	if (script.len && (does == SCRIPT_CALLS || does == SCRIPT_NEVER))
		return false;
	if (does == SCRIPT_LOADS || does == SCRIPT_IS_LATE)
		order_say(order, FOUND_WRONG, "/%s runs first, and loads drivers: %.*s", path,
			  TEXT(by));
	else
		order_say(order, FOUND_UNKNOWN, "/%s runs first: " BOOT_DECIDES, path);
	return true;
}

#define INIT_TOP "scripts/init-top"
#define SCRIPT   INIT_TOP "/00-vfio-bind"

/* The file that vfio-bind overlay brings along: /init sources it before it runs any script. */
static bool has_early_conf(const struct image_tree *image)
{
	char path[IMAGE_PATH_SIZE];
	struct text by;
	const char *name;
	size_t at = 0;

	while ((name = image_next(image, "conf/conf.d", &at))) {
		(void)snprintf(path, sizeof(path), "conf/conf.d/%s", name);
		if (script_read(image_content(image, path), NULL, &by) == SCRIPT_CALLS)
			return true;
	}
	return false;
}

/* The next script that ORDER runs, as its path in the image. */
static bool next_script(struct text *rest, char path[IMAGE_PATH_SIZE])
{
	struct text line, word = { 0 };

	while (text_cut(rest, '\n', &line)) {
		if (!word_next(&line, &word) || word.at[0] != '/' || word.len >= IMAGE_PATH_SIZE)
			continue;
		(void)snprintf(path, IMAGE_PATH_SIZE, "%.*s", (int)word.len - 1, word.at + 1);
		return true;
	}
	return false;
}

static void order_initramfs_tools(const struct image_tree *image, struct image_order *order)
{
	struct text rest = image_content(image, INIT_TOP "/ORDER");
	char path[IMAGE_PATH_SIZE];
	bool early = false, found = false, udev = false;

	if (has_early_conf(image)) {
		order_say(order, FOUND_RIGHT, "in conf/conf.d, before all scripts");
		return;
	}
	while (!found && next_script(&rest, path)) {
		found = !strcmp(path, SCRIPT) && has(image, SCRIPT);
		udev |= !found && !strcmp(path, INIT_TOP "/udev");
		if (!found && !early && strcmp(path, SCRIPT) != 0 && is_program(image, path))
			early = say_earlier(order, image_content(image, path), path, NULL);
	}
	if (!found)
		say_pid1(image, order);
	else if (!is_program(image, SCRIPT))
		order_say(order, FOUND_WRONG, SCRIPT " is not executable");
	else if (udev)
		order_say(order, FOUND_WRONG, SCRIPT " runs behind udev");
	else if (!early)
		say_script(order, image_content(image, SCRIPT), SCRIPT, NULL,
			   find(rest, "/" INIT_TOP "/udev ") ? SCRIPT " before udev" : SCRIPT);
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
		char path[IMAGE_PATH_SIZE], right[ORDER_TEXT_SIZE];
		bool early = false;
		const char *name;
		size_t at = 0;

		while ((name = image_next(image, dracut_hooks[i], &at))) {
			bool ours = text_ends(text_of(name), "-vfio-bind.sh");

			(void)snprintf(right, sizeof(right),
				       "hook cmdline/%s before " DRACUT_LOADS
				       ", which loads drivers",
				       name);
			(void)snprintf(path, sizeof(path), "%s/%s", dracut_hooks[i], name);
			if (ours && strcmp(name, DRACUT_LOADS) > 0)
				order_say(order, FOUND_WRONG,
					  "hook cmdline/%s behind " DRACUT_LOADS
					  ", which loads drivers",
					  name);
			else if (ours && !early) {
				say_script(order, image_content(image, path), path, NULL, right);
			}
			if (ours)
				return;
			if (!early && strcmp(name, DRACUT_LOADS) != 0)
				early = say_earlier(order, image_content(image, path), path, NULL);
		}
	}
	say_pid1(image, order);
}

#define HOOK       "hooks/vfio-bind"
#define EARLY_HOOK "run_earlyhook"

/* The hooks of a list that come before ours, except udev's, which starts it and loads nothing. */
static bool say_earlier_hooks(const struct image_tree *image, struct image_order *order)
{
	struct text list = value_of(image_content(image, "config"), "EARLYHOOKS="), word;
	char path[IMAGE_PATH_SIZE];

	while (word_next(&list, &word)) {
		word = unquoted(word);
		if (text_is(word, "vfio-bind"))
			break;
		(void)snprintf(path, sizeof(path), "hooks/%.*s", TEXT(word));
		if (!text_is(word, "udev") &&
		    say_earlier(order, image_content(image, path), path, EARLY_HOOK))
			return true;
	}
	return false;
}

static void order_mkinitcpio(const struct image_tree *image, struct image_order *order)
{
	struct text config = image_content(image, "config");
	bool listed = list_has(value_of(config, "EARLYHOOKS="), "vfio-bind");

	if (is_init(image) || (!listed && !list_has(value_of(config, "HOOKS="), "vfio-bind")))
		say_pid1(image, order);
	else if (!is_program(image, "init"))
		order_say(order, FOUND_WRONG,
			  "there is no /init: HOOKS has neither base nor systemd");
	else if (!listed)
		order_say(order, FOUND_WRONG,
			  "/" HOOK " has no " EARLY_HOOK ": run_hook comes behind udev's coldplug");
	else if (!is_program(image, HOOK))
		order_say(order, FOUND_WRONG, "EARLYHOOKS has vfio-bind, but there is no " HOOK);
	else if (!find(image_content(image, "init"), EARLY_HOOK))
		order_say(order, FOUND_UNKNOWN,
			  "/init is not known to run early hooks: " BOOT_DECIDES);
	else if (!say_earlier_hooks(image, order))
		say_script(order, image_content(image, HOOK), HOOK, EARLY_HOOK,
			   "early hook, before modules and udev's coldplug");
}

/* An init somebody wrote: what it does before it calls the binder is what counts. */
static void order_script(const struct image_tree *image, struct image_order *order)
{
	struct text init = image_content(image, "init"), by;
	enum script_does does = script_read(init, NULL, &by);

	if (is_init(image) || find(init, "#!") != init.at ||
	    (does != SCRIPT_CALLS && does != SCRIPT_IS_LATE && does != SCRIPT_MAY_BE))
		say_pid1(image, order);
	else
		say_script(order, init, "init", NULL,
			   "/init calls the binder before it loads a driver");
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
		{ "systemd", is_systemd, say_pid1 },
		{ "unknown", is_any, order_script },
	};
	size_t i = 0;

	while (!generators[i].is(image))
		i++;
	*order = (struct image_order){ .generator = generators[i].name,
				       .init_is_binder = is_init(image) };
	/* With systemd hooks of dracut and mkinitcpio come too late, or not at all. */
	if (!is_systemd(image))
		generators[i].judge(image, order);
	else if (is_init(image) || !unit_order(image, order))
		say_pid1(image, order);
}

bool image_order_needs(const char *path)
{
	static const char *const parts[] = { "scripts/init-top/", "conf/conf.d/",
					     "vfio-bind-initrd.service", "hooks/cmdline/",
					     "service.d/" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(path, parts[i]))
			return true;
	return !strcmp(path, "init") || !strcmp(path, "config") || !strncmp(path, "hooks/", 6);
}
