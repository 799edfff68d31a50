/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "entry_words.h"

#include "base/cmdline_files.h"
#include "base/words.h"
#include "cmdline.h"

#include <stdio.h>
#include <string.h>

struct reading {
	struct entry_words *words;
	const char *image, *running;
	char path[NAME_SIZE * 2];   /* of the file that the entry is in */
	char cmdline[CMDLINE_SIZE]; /* of the entry */
	size_t len;
	bool is_of_image, left_out; /* the image is its initrd; it is ours, or not understood */
	bool found, runs;           /* so far: there is one; one has the running system's */
};

static struct text without_slashes(struct text path)
{
	const char *end = path.len && *path.at == '(' ? memchr(path.at, ')', path.len) : NULL;

	if (end) { /* the device, in GRUB's words */
		path.len -= (size_t)(end + 1 - path.at);
		path.at = end + 1;
	}
	while (path.len && *path.at == '/') {
		path.at++;
		path.len--;
	}
	return path;
}

/* Takes the last component off a path; nothing where there is none left. */
static struct text take_last(struct text *path)
{
	struct text last = { path->at + path->len, 0 };

	while (path->len && path->at[path->len - 1] != '/') {
		path->len--;
		last.at--;
		last.len++;
	}
	if (path->len)
		path->len--;
	return last;
}

/*
 * Each may have folders in front that the other does not name: a boot loader's path begins where its
 * file system does, or with a subvolume, and somebody may be in the image's own folder.
 */
static bool is_same_path(struct text path, const char *image)
{
	struct text a = without_slashes(path), b = without_slashes(text_of(image));
	struct text name = take_last(&a), folder;

	if (!name.len || !text_equal(name, take_last(&b)))
		return false;
	folder = take_last(&a);
	return !folder.len || !b.len || text_equal(folder, take_last(&b));
}

/* What boot loaders add by themselves. */
static bool next_word(struct text *cmdline, struct cmdline_word *word)
{
	while (cmdline_next(cmdline, word))
		if (!text_is(word->name, "BOOT_IMAGE") && !text_is(word->name, "initrd"))
			return true;
	return false;
}

static bool is_same_cmdline(struct text a, struct text b)
{
	struct cmdline_word x, y;

	while (next_word(&a, &x))
		if (!next_word(&b, &y) || !text_equal(x.whole, y.whole))
			return false;
	return !next_word(&b, &y);
}

/* Puts an end to the entry that is being read. */
static void end_entry(struct reading *reading)
{
	struct text cmdline = { reading->cmdline, reading->len };

	if (reading->is_of_image && !reading->left_out) {
		reading->runs |= is_same_cmdline(cmdline, text_of(reading->running));
		if (!reading->found) {
			(void)text_copy(cmdline, reading->words->cmdline, CMDLINE_SIZE);
			(void)snprintf(reading->words->path, sizeof(reading->words->path), "%s",
				       reading->path);
		}
		reading->found = true;
	}
	reading->len = 0;
	reading->is_of_image = reading->left_out = false;
}

/* Adds words but GRUB's variables, which are empty unless somebody has set them by hand. */
static void add_words(struct reading *reading, struct text rest)
{
	struct cmdline_word word;

	while (cmdline_next(&rest, &word)) {
		if (text_is(word.whole, "$kernelopts") || /* set in a file of GRUB's own */
		    reading->len + word.whole.len + 2 > CMDLINE_SIZE)
			reading->left_out = true;
		else if (text_is(word.name, "initrd") && word.value.at)
			reading->is_of_image |= is_same_path(word.value, reading->image);
		else if (*word.whole.at != '$')
			reading->len += (size_t)snprintf(reading->cmdline + reading->len,
							 CMDLINE_SIZE - reading->len, "%s%.*s",
							 reading->len ? " " : "",
							 (int)word.whole.len, word.whole.at);
	}
}

static bool take_line(void *context, const struct conf_line *line)
{
	struct reading *reading = context;
	struct text rest = line->text, key, path;

	if (strcmp(reading->path, line->path) != 0) {
		end_entry(reading);
		(void)snprintf(reading->path, sizeof(reading->path), "%s", line->path);
		reading->left_out = strstr(line->path, FALLBACK_ENDING);
	}
	if (!word_next(&rest, &key))
		return true;
	if (text_is(key, "menuentry") || cmdline_entry_key(key, "label")) {
		end_entry(reading);
		reading->left_out = memmem(rest.at, rest.len, FALLBACK_ID, strlen(FALLBACK_ID));
	} else if (cmdline_grub_key(key, "linux") && word_next(&rest, &path)) {
		add_words(reading, rest);
	} else if (cmdline_entry_key(key, "options") || cmdline_entry_key(key, "append")) {
		add_words(reading, rest);
	} else if (cmdline_grub_key(key, "initrd") || cmdline_entry_key(key, "initrd")) {
		while (word_next(&rest, &path))
			reading->is_of_image |= is_same_path(path, reading->image);
	}
	return true;
}

bool entry_words_read(struct entry_words *words, struct machine *machine, const char *image,
		      const char *running)
{
	static const char *const entries[] = { "boot/loader/entries", "efi/loader/entries",
					       "boot/efi/loader/entries" };
	static const char *const menus[] = { "boot/grub/grub.cfg", "boot/grub2/grub.cfg",
					     "boot/extlinux/extlinux.conf", "boot/extlinux.conf" };
	static struct reading reading;

	reading = (struct reading){ .words = words, .image = image, .running = running };
	(void)conf_read_dirs(machine, entries, ARRAY_SIZE(entries), ".conf", take_line, &reading);
	for (size_t i = 0; i < ARRAY_SIZE(menus); i++)
		(void)conf_read(machine, menus[i], take_line, &reading);
	end_entry(&reading);
	return reading.found && !reading.runs;
}
