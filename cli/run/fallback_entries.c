/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cmdline_files.h"
#include "base/words.h"
#include "boot_entry.h"
#include "edit/replace_file.h"
#include "fallback.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_MAX 256
#define RESCUE      "-0-rescue"
/* In front of the machine's id where names have no token: behind all that begin with a letter. */
#define NO_TOKEN "a-"

/* The directories that a boot loader may take its entries from: UAPI.1, and bootctl(1). */
static const char *const boots[] = { "boot", "efi", "boot/efi" };

struct entries {
	struct fallback *fallback;
	char dir[64]; /* of the entries */
	char machine_id[64], token[NAME_SIZE];
	struct boot_entry list[ENTRIES_MAX], own[ENTRIES_MAX];
	size_t count, own_count;
};

/* The first line of a small file; empty if there is none. */
static void read_word(struct machine *machine, const char *path, char *out, size_t size)
{
	if (machine_read(machine, path, out, size) < 0)
		out[0] = '\0';
	out[strcspn(out, " \t\r\n")] = '\0';
}

static bool begins_with(const struct boot_entry *entry, const char *token)
{
	size_t len = strlen(token);

	return len && entry->id_len > len && !strncmp(entry->name, token, len) &&
	       entry->name[len] == '-';
}

/* True if the entry is one of ours, made for this machine. */
static bool is_own(const struct entries *entries, const struct boot_entry *entry)
{
	static const char *const begins[] = { "", NO_TOKEN };
	char id[NAME_SIZE * 2 + 64];

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		(void)snprintf(id, sizeof(id), "%s%s" FALLBACK_ENDING, begins[i],
			       entries->machine_id);
		if (entry->id_len == strlen(id) && !strncmp(entry->name, id, entry->id_len))
			return true;
	}
	(void)snprintf(id, sizeof(id), "%s" FALLBACK_ENDING, entries->token);
	return entry->id_len == strlen(id) && !strncmp(entry->name, id, entry->id_len);
}

/* A machine's id and a dash, which is what names begin with unless somebody chose another token. */
static bool begins_with_an_id(const struct boot_entry *entry)
{
	return strspn(entry->name, "0123456789abcdef") == 32 && entry->name[32] == '-';
}

/* True for a kernel of this machine, rescue images left out: nothing of ours is in those. */
static bool is_kernel(const struct entries *entries, const struct boot_entry *entry)
{
	if (!entry->linux || memmem(entry->name, entry->id_len, RESCUE, strlen(RESCUE)) ||
	    memmem(entry->name, entry->id_len, FALLBACK_ENDING, strlen(FALLBACK_ENDING)))
		return false;
	if (entry->machine_id[0])
		return !strcmp(entry->machine_id, entries->machine_id);
	return !begins_with_an_id(entry) || begins_with(entry, entries->machine_id) ||
	       begins_with(entry, entries->token);
}

static ssize_t read_entry(const struct entries *entries, const char *name,
			  char out[BOOT_ENTRY_SIZE])
{
	char path[MACHINE_PATH_SIZE];

	if (!join(path, sizeof(path), entries->dir, "/", name))
		return -ENAMETOOLONG;
	return machine_read(&entries->fallback->machine, path, out, BOOT_ENTRY_SIZE);
}

/* Lists the kernels and our own. False if the directory is not there. */
static bool list(struct entries *entries, const char *boot)
{
	static char text[BOOT_ENTRY_SIZE];
	static struct dir dir;
	struct boot_entry entry;
	const char *name;
	ssize_t len;
	int err;

	entries->count = entries->own_count = 0;
	(void)snprintf(entries->dir, sizeof(entries->dir), "%s/loader/entries", boot);
	if (dir_open(&entries->fallback->machine, entries->dir, &dir))
		return false;
	while ((name = dir_next(&dir, &err)) && entries->count < ENTRIES_MAX &&
	       entries->own_count < ENTRIES_MAX) {
		if (!boot_entry_name(&entry, name) || (len = read_entry(entries, name, text)) < 0)
			continue;
		boot_entry_read(&entry, (struct text){ text, (size_t)len });
		if (is_own(entries, &entry))
			entries->own[entries->own_count++] = entry;
		else if (is_kernel(entries, &entry))
			entries->list[entries->count++] = entry;
	}
	dir_close(&dir);
	qsort(entries->list, entries->count, sizeof(entries->list[0]), boot_entry_compare);
	return true;
}

/* What loader.conf(5) says under "default", a pattern; empty if it says nothing. */
static void read_default(const struct entries *entries, const char *boot, char out[BOOT_VALUE_SIZE])
{
	static char text[BOOT_ENTRY_SIZE];
	char path[MACHINE_PATH_SIZE];
	struct text rest = { text, 0 }, line, word;
	ssize_t len;

	(void)join(path, sizeof(path), boot, "/loader/loader.conf", "");
	len = machine_read(&entries->fallback->machine, path, text, sizeof(text));
	rest.len = len < 0 ? 0 : (size_t)len;
	out[0] = '\0';
	while (text_cut(&rest, '\n', &line))
		if (word_next(&line, &word) && text_is(word, "default") && word_next(&line, &word))
			(void)snprintf(out, BOOT_VALUE_SIZE, "%.*s",
				       (int)(word.len - text_ends(word, "\r")), word.at);
}

/* The entry that would be booted: what loader.conf names, else the newest. */
static const struct boot_entry *choose(const struct entries *entries, const char *boot)
{
	char pattern[BOOT_VALUE_SIZE], id[NAME_SIZE + 8];

	read_default(entries, boot, pattern);
	for (size_t i = 0; pattern[0] && i < entries->count; i++) {
		const struct boot_entry *entry = &entries->list[i];

		(void)snprintf(id, sizeof(id), "%.*s.conf", (int)entry->id_len, entry->name);
		if (!fnmatch(pattern, id, FNM_CASEFOLD))
			return entry;
	}
	return &entries->list[0];
}

static int remove_file(const struct entries *entries, const char *name)
{
	int dir = machine_openat(&entries->fallback->machine, entries->dir, O_RDONLY | O_DIRECTORY);
	int err;

	if (dir < 0)
		return dir;
	err = unlinkat(dir, name, 0) ? -errno : 0;
	(void)fsync(dir);
	(void)close(dir);
	return err == -ENOENT ? 0 : err;
}

static int fail(const struct entries *entries, const char *name, int err)
{
	return complain(EXIT_FAILED, "/%s/%s: %s", entries->dir, name, strerror(-err));
}

/* Removes all of ours but the one of that name; none is NULL. Returns an exit code. */
static int remove_own(struct entries *entries, const char *but)
{
	char path[MACHINE_PATH_SIZE];
	int code = EXIT_AS_CONFIGURED, err;

	for (size_t i = 0; i < entries->own_count; i++) {
		const char *name = entries->own[i].name;

		if (but && !strcmp(name, but))
			continue;
		err = remove_file(entries, name);
		if (err)
			code = fail(entries, name, err);
		else if (!but && join(path, sizeof(path), entries->dir, "/", name))
			fallback_add(entries->fallback, path, FALLBACK_REMOVED);
	}
	return code;
}

/* The number of boots that a new entry has: as kernel-install(8) gives it, or as the kernel has. */
static long tries_of(const struct entries *entries, const struct boot_entry *kernel)
{
	char word[32];
	uint32_t tries;

	read_word(&entries->fallback->machine, "etc/kernel/tries", word, sizeof(word));
	if (text_number(text_of(word), 1000, &tries))
		return (long)tries;
	return kernel->left < 0 ? -1 : kernel->left + kernel->done;
}

static void name_own(const struct entries *entries, const struct boot_entry *kernel,
		     char out[NAME_SIZE])
{
	const char *token = begins_with(kernel, entries->token)      ? entries->token :
			    begins_with(kernel, entries->machine_id) ? entries->machine_id :
								       NULL;
	long tries = tries_of(entries, kernel);
	char number[32] = "";

	if (tries > 0)
		(void)snprintf(number, sizeof(number), "+%ld", tries);
	(void)snprintf(out, NAME_SIZE, "%s%.100s" FALLBACK_ENDING "%s.conf", token ? "" : NO_TOKEN,
		       token ? token : entries->machine_id, number);
}

/* One that says the same stays as it is, unless it has no boot left. */
static const char *find_same(const struct entries *entries, struct text text)
{
	static char old[BOOT_ENTRY_SIZE];

	for (size_t i = 0; i < entries->own_count; i++) {
		ssize_t len = read_entry(entries, entries->own[i].name, old);

		if (len >= 0 && entries->own[i].left != 0 &&
		    text_equal((struct text){ old, (size_t)len }, text))
			return entries->own[i].name;
	}
	return NULL;
}

static int write_own(struct entries *entries, const char *name, struct text text)
{
	static char old[BOOT_ENTRY_SIZE];
	char path[MACHINE_PATH_SIZE];
	struct text before = { 0 };
	ssize_t len = read_entry(entries, name, old);
	int err;

	if (len >= 0)
		before = (struct text){ old, (size_t)len };
	if (!join(path, sizeof(path), entries->dir, "/", name))
		return fail(entries, name, -ENAMETOOLONG);
	err = edit_write(&entries->fallback->machine, path, before, text);
	if (err)
		return fail(entries, name, err);
	fallback_add(entries->fallback, path, FALLBACK_MADE);
	return remove_own(entries, name);
}

static int make(struct entries *entries, const struct boot_entry *kernel)
{
	static char text[BOOT_ENTRY_SIZE], own[BOOT_ENTRY_SIZE];
	char name[NAME_SIZE], path[MACHINE_PATH_SIZE];
	ssize_t len = read_entry(entries, kernel->name, text);
	const char *same;
	size_t own_len;

	if (len < 0)
		return fail(entries, kernel->name, (int)len);
	own_len = boot_entry_copy(kernel, (struct text){ text, (size_t)len }, FALLBACK_WORD,
				  FALLBACK_TITLE, own);
	if (!own_len)
		return fail(entries, kernel->name, -EFBIG);
	name_own(entries, kernel, name);
	same = find_same(entries, (struct text){ own, own_len });
	if (!same)
		return write_own(entries, name, (struct text){ own, own_len });
	if (join(path, sizeof(path), entries->dir, "/", same))
		fallback_add(entries->fallback, path, FALLBACK_KEPT);
	return remove_own(entries, same);
}

static struct entries *begin(struct fallback *fallback)
{
	static struct entries entries;
	struct machine *machine = &fallback->machine;

	entries.fallback = fallback;
	read_word(machine, "etc/machine-id", entries.machine_id, sizeof(entries.machine_id));
	read_word(machine, "etc/kernel/entry-token", entries.token, sizeof(entries.token));
	return &entries;
}

int loader_entries_make(struct fallback *fallback)
{
	struct entries *entries = begin(fallback);
	int code = EXIT_AS_CONFIGURED, one;

	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		if (!list(entries, boots[i]) || !entries->count ||
		    (fallback->refresh && !entries->own_count))
			continue;
		one = make(entries, choose(entries, boots[i]));
		code = code == EXIT_AS_CONFIGURED ? one : code;
	}
	return code;
}

int loader_entries_remove(struct fallback *fallback)
{
	struct entries *entries = begin(fallback);
	int code = EXIT_AS_CONFIGURED, one;

	for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
		if (!list(entries, boots[i]))
			continue;
		one = remove_own(entries, NULL);
		code = code == EXIT_AS_CONFIGURED ? one : code;
	}
	return code;
}
