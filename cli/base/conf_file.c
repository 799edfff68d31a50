/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf_file.h"

#include "lines.h"
#include "modplan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sets *more to false once take() has seen enough. */
static int read_file(struct machine *machine, const char *path, conf_take take, void *context,
		     bool *more)
{
	struct conf_line line = { .path = path };
	struct lines lines;
	struct text text;
	int err = lines_open(&lines, machine, path);

	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	while (*more && lines_next(&lines, &text, &err)) {
		line.number++;
		/* A "#" begins a comment at the start of a line and behind a blank. */
		for (size_t i = 0; i < text.len; i++)
			if (text.at[i] == '#' &&
			    (!i || text.at[i - 1] == ' ' || text.at[i - 1] == '\t'))
				text.len = i;
		while (text.len && (text.at[text.len - 1] == '\r' || text.at[text.len - 1] == ' ' ||
				    text.at[text.len - 1] == '\t'))
			text.len--;
		line.text = text;
		*more = !line.text.len || take(context, &line);
	}
	lines_close(&lines);
	return err;
}

int conf_read(struct machine *machine, const char *path, conf_take take, void *context)
{
	bool more = true;

	return read_file(machine, path, take, context, &more);
}

struct entry {
	char *name;
	size_t dir; /* in which it is */
};

struct listing {
	struct entry *entries;
	size_t count;
};

static int add_entry(struct listing *listing, const char *name, size_t dir)
{
	struct entry *entries =
		realloc(listing->entries, (listing->count + 1) * sizeof(*listing->entries));
	char *copy = entries ? strdup(name) : NULL;

	if (entries)
		listing->entries = entries;
	if (!copy)
		return -ENOMEM;
	listing->entries[listing->count++] = (struct entry){ copy, dir };
	return 0;
}

static int list_dir(struct machine *machine, const char *path, const char *suffix, size_t which,
		    struct listing *listing)
{
	struct dir dir;
	const char *name;
	int err = dir_open(machine, path, &dir), failed = 0;

	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	while (!failed && (name = dir_next(&dir, &err)))
		if (name[0] != '.' && text_ends(text_of(name), suffix))
			failed = add_entry(listing, name, which);
	dir_close(&dir);
	return machine_blame(machine, path, failed ? failed : err);
}

static int by_name(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : (one->dir > other->dir) - (one->dir < other->dir);
}

static int read_entry(struct machine *machine, const char *dir, const char *name, conf_take take,
		      void *context, bool *more)
{
	char path[MACHINE_PATH_SIZE];
	int err;

	if (!join(path, sizeof(path), dir, "/", name))
		return 0;
	err = read_file(machine, path, take, context, more);
	return err == -EISDIR ? 0 : machine_blame(machine, path, err);
}

/* Remembers what went wrong first: the calls that follow blame what they open. */
struct failure {
	int err;
	char path[MACHINE_PATH_SIZE];
};

static void note_failure(struct failure *failure, const struct machine *machine, int err)
{
	if (!err || failure->err)
		return;
	failure->err = err;
	(void)join(failure->path, sizeof(failure->path), machine->failed, "", "");
}

int conf_read_dirs(struct machine *machine, const char *const dirs[], size_t count,
		   const char *suffix, conf_take take, void *context)
{
	struct listing listing = { 0 };
	struct failure failure = { 0 };
	const char *before = "";
	bool more = true;

	for (size_t i = 0; i < count; i++)
		note_failure(&failure, machine, list_dir(machine, dirs[i], suffix, i, &listing));
	if (listing.count)
		qsort(listing.entries, listing.count, sizeof(*listing.entries), by_name);
	for (size_t i = 0; more && i < listing.count; i++) {
		const struct entry *entry = &listing.entries[i];

		if (strcmp(entry->name, before) != 0)
			note_failure(&failure, machine,
				     read_entry(machine, dirs[entry->dir], entry->name, take,
						context, &more));
		before = entry->name;
	}
	while (listing.count)
		free(listing.entries[--listing.count].name);
	free(listing.entries);
	return machine_blame(machine, failure.path, failure.err);
}

void conf_place(const struct conf_line *line, char out[CONF_PLACE_SIZE])
{
	(void)snprintf(out, CONF_PLACE_SIZE, "/%.300s:%u", line->path, line->number);
}

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

bool conf_is_module(struct text word, const char *module)
{
	return module_name_equal(word, text_of(module));
}

bool conf_has_word(struct text text, const char *word)
{
	size_t start = 0;

	for (size_t i = 0; i <= text.len; i++) {
		if (i < text.len && is_word_byte(text.at[i]))
			continue;
		if (conf_is_module((struct text){ text.at + start, i - start }, word))
			return true;
		start = i + 1;
	}
	return false;
}

struct joiner {
	conf_take take;
	void *context;
	char joined[4096]; /* lines that end with a backslash, up to the one that does not */
	size_t len;
	unsigned first, last; /* numbers of the first and last of them */
};

static void join_line(struct joiner *joiner, struct text text)
{
	if (text.len >= sizeof(joiner->joined) - joiner->len)
		text.len = 0; /* longer than any line somebody wrote */
	memcpy(joiner->joined + joiner->len, text.at, text.len);
	joiner->len += text.len;
}

static bool take_joined(void *context, const struct conf_line *line)
{
	struct joiner *joiner = context;
	struct conf_line whole = *line;

	/* What goes on does so in the very next line, and never in another file. */
	if (line->number != joiner->last + 1)
		joiner->len = 0;
	joiner->last = line->number;
	if (!joiner->len)
		joiner->first = line->number;
	if (text_ends(line->text, "\\")) {
		join_line(joiner, (struct text){ line->text.at, line->text.len - 1 });
		return true;
	}
	if (joiner->len) {
		join_line(joiner, line->text);
		whole.text = (struct text){ joiner->joined, joiner->len };
		whole.number = joiner->first;
	}
	joiner->len = 0;
	return joiner->take(joiner->context, &whole);
}

int conf_read_joined(struct machine *machine, const char *const dirs[], size_t count,
		     const char *suffix, conf_take take, void *context)
{
	struct joiner joiner = { .take = take, .context = context };

	return conf_read_dirs(machine, dirs, count, suffix, take_joined, &joiner);
}

int conf_read_modprobe(struct machine *machine, conf_take take, void *context)
{
	static const char *const dirs[] = {
		"etc/modprobe.d",     "run/modprobe.d", "usr/local/lib/modprobe.d",
		"usr/lib/modprobe.d", "lib/modprobe.d",
	};

	return conf_read_joined(machine, dirs, ARRAY_SIZE(dirs), ".conf", take, context);
}

int conf_read_udev(struct machine *machine, conf_take take, void *context)
{
	static const char *const dirs[] = { "etc/udev/rules.d", "run/udev/rules.d",
					    "usr/local/lib/udev/rules.d", "usr/lib/udev/rules.d",
					    "lib/udev/rules.d" };

	return conf_read_joined(machine, dirs, ARRAY_SIZE(dirs), ".rules", take, context);
}
