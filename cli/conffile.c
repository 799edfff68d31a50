/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conffile.h"

#include "lines.h"
#include "modplan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A "#" begins a comment at the start of a line and behind a blank. */
static struct text without_comment(struct text line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.at[i] == '#' && (!i || line.at[i - 1] == ' ' || line.at[i - 1] == '\t'))
			line.len = i;
	while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' ' ||
			    line.at[line.len - 1] == '\t'))
		line.len--;
	return line;
}

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
		line.text = without_comment(text);
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

int conf_read_dir(struct machine *machine, const char *dir_path, const char *suffix, conf_take take,
		  void *context)
{
	char path[MACHINE_PATH_SIZE];
	bool more = true;
	struct dir dir;
	const char *name;
	int err = dir_open(machine, dir_path, &dir), failed = 0;

	if (err)
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	while (more && (name = dir_next(&dir, &err))) {
		int failure;

		if (name[0] == '.' || !text_ends(text_of(name), suffix) ||
		    !join(path, sizeof(path), dir_path, "/", name))
			continue;
		failure = read_file(machine, path, take, context, &more);
		if (failure && failure != -EISDIR)
			failed = failure;
	}
	dir_close(&dir);
	return failed ? failed : err;
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
