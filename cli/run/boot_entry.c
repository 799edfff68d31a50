/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot_entry.h"

#include "base/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes "+LEFT" or "+LEFT-DONE" off the end of the id. */
static void take_numbers(struct boot_entry *entry)
{
	char id[NAME_SIZE], *plus, *end;

	(void)snprintf(id, sizeof(id), "%.*s", (int)entry->id_len, entry->name);
	plus = strrchr(id, '+');
	entry->left = entry->done = -1;
	if (!plus || strspn(plus + 1, "0123456789-") != strlen(plus + 1) || plus[1] == '-' ||
	    !plus[1])
		return;
	entry->left = strtol(plus + 1, &end, 10);
	entry->done = *end ? strtol(end + 1, &end, 10) : 0;
	if (*end)
		entry->left = entry->done = -1;
	else
		entry->id_len = (size_t)(plus - id);
}

bool boot_entry_name(struct boot_entry *entry, const char *name)
{
	static const char ending[] = ".conf";

	*entry = (struct boot_entry){ 0 };
	if (!text_ends(text_of(name), ending) || !join(entry->name, NAME_SIZE, name, "", ""))
		return false;
	entry->id_len = strlen(name) - strlen(ending);
	take_numbers(entry);
	return entry->id_len > 0;
}

/* The key of a line, and what follows it; false for a comment or an empty line. */
static bool cut_key(struct text line, struct text *key, struct text *value)
{
	while (line.len && strchr(" \t\r", line.at[line.len - 1]))
		line.len--;
	if (!word_next(&line, key) || *key->at == '#')
		return false;
	while (line.len && strchr(" \t", *line.at)) {
		line.at++;
		line.len--;
	}
	*value = line;
	return true;
}

static void keep_value(char out[BOOT_VALUE_SIZE], struct text value)
{
	(void)snprintf(out, BOOT_VALUE_SIZE, "%.*s", (int)value.len, value.at);
}

void boot_entry_read(struct boot_entry *entry, struct text text)
{
	struct text line, key, value;

	while (text_cut(&text, '\n', &line)) {
		if (!cut_key(line, &key, &value))
			continue;
		if (text_is(key, "linux"))
			entry->linux = true;
		else if (text_is(key, "sort-key"))
			keep_value(entry->sort_key, value);
		else if (text_is(key, "machine-id"))
			keep_value(entry->machine_id, value);
		else if (text_is(key, "version"))
			keep_value(entry->version, value);
	}
}

int boot_entry_compare(const void *a, const void *b)
{
	const struct boot_entry *x = a, *y = b;
	char x_id[NAME_SIZE], y_id[NAME_SIZE];
	int order = (x->left == 0) - (y->left == 0);

	if (!order)
		order = !x->sort_key[0] - !y->sort_key[0];
	if (!order && x->sort_key[0]) {
		order = strcmp(x->sort_key, y->sort_key);
		if (!order)
			order = strcmp(x->machine_id, y->machine_id);
		if (!order)
			order = strverscmp(y->version, x->version);
	}
	if (order)
		return order;
	(void)snprintf(x_id, sizeof(x_id), "%.*s", (int)x->id_len, x->name);
	(void)snprintf(y_id, sizeof(y_id), "%.*s", (int)y->id_len, y->name);
	return strverscmp(y_id, x_id);
}

/* Text that is put together; of what does not fit, its length is still counted. */
struct copy {
	char *out;
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct copy *copy, const char *how, ...)
{
	size_t room = copy->len < BOOT_ENTRY_SIZE ? BOOT_ENTRY_SIZE - copy->len : 0;
	va_list arguments;

	va_start(arguments, how);
	copy->len += (size_t)vsnprintf(room ? copy->out + copy->len : NULL, room, how, arguments);
	va_end(arguments);
}

static void add_text(struct copy *copy, struct text text)
{
	add(copy, "%.*s", (int)text.len, text.at);
}

size_t boot_entry_copy(const struct boot_entry *entry, struct text text, const char *word,
		       const char *title, char out[BOOT_ENTRY_SIZE])
{
	struct copy copy = { .out = out };
	struct text line, key, value;
	bool titled = false, given = false;

	while (text_cut(&text, '\n', &line)) {
		bool is_line = cut_key(line, &key, &value);
		struct text head = { line.at, is_line ? (size_t)(value.at - line.at) : 0 };

		if (is_line && !titled && text_is(key, "title") && value.len) {
			add_text(&copy, line = (struct text){ line.at, head.len + value.len });
			add(&copy, " (%s)\n", title);
			titled = true;
		} else if (is_line && !given && text_is(key, "options") && value.len) {
			add_text(&copy, head);
			add(&copy, "%s ", word);
			add_text(&copy, value);
			add(&copy, "\n");
			given = true;
		} else if (line.len) {
			add_text(&copy, line);
			add(&copy, "\n");
		}
	}
	if (!titled)
		add(&copy, "title %.*s (%s)\n", (int)entry->id_len, entry->name, title);
	if (!given)
		add(&copy, "options %s\n", word);
	return copy.len < BOOT_ENTRY_SIZE ? copy.len : 0;
}
