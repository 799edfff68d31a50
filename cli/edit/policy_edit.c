/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy_edit.h"

#include "base/printable.h"
#include "replace_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the file's content begins in what load_policy() read: behind its "# /PATH" line. */
static const char *judged_content(const struct change *change, struct text file)
{
	const struct policy_text *text = &change->host->judged.policy_text;
	const char *content = file.at + file.len + 1;

	if (file.at >= text->buffer && file.at < text->buffer + text->len)
		return content;
	/* Not a rule's own name of it: the main file, which stands first. */
	return text->buffer + sizeof("# /" POLICY_FILE "\n") - 1;
}

static bool is_judged(const struct change *change, struct text file)
{
	const struct policy_text *text = &change->host->judged.policy_text;
	const char *content = judged_content(change, file);

	if (!change->exists)
		return true;
	return content <= text->buffer + text->len &&
	       change->old_len <= (size_t)(text->buffer + text->len - content) &&
	       !memcmp(content, change->old, change->old_len);
}

int change_open(struct change *change, struct host *host, struct text file)
{
	ssize_t len;

	change->host = host;
	change->diff = NULL;
	(void)snprintf(change->path, sizeof(change->path), "%.*s", (int)file.len - 1, file.at + 1);
	len = machine_read(&host->judged.machine, change->path, change->old, sizeof(change->old));
	change->exists = len != -ENOENT;
	change->old_len = change->new_len = len > 0 ? (size_t)len : 0;
	memcpy(change->new, change->old, change->new_len);
	if (len == -EACCES)
		return complain(EXIT_PERMISSION, "/%s: %s", change->path, strerror(EACCES));
	if ((len < 0 && change->exists) || !is_judged(change, file))
		return complain(EXIT_FAILED, "/%s: it was changed meanwhile: run this again",
				change->path);
	change->diff = json_object_new_array();
	return EXIT_AS_CONFIGURED;
}

void change_close(struct change *change)
{
	(void)json_object_put(change->diff);
	change->diff = NULL;
}

/* The line may hold anything, and a terminal would obey some of it. */
static void note(struct change *change, unsigned number, const char *sign, struct text line)
{
	struct json_object *object = json_object_new_object();
	char text[POLICY_LINE_MAX + 1];

	(void)snprintf(text, sizeof(text), "%.*s", (int)line.len, line.at);
	make_printable(text);
	(void)json_object_object_add(object, "line", json_object_new_int64(number));
	json_add_string(object, "change", sign);
	json_add_string(object, "text", text);
	(void)json_object_array_add(change->diff, object);
}

struct text change_line(const struct change *change, unsigned number)
{
	struct text rest = { change->old, change->old_len }, line = { 0 };

	while (number && text_cut(&rest, '\n', &line))
		number--;
	if (number)
		line = (struct text){ 0 };
	return line;
}

static struct text without_return(struct text line)
{
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* What is in front of a line is as it was: only lines behind it were taken out. */
void change_drop(struct change *change, unsigned number)
{
	struct text line = change_line(change, number);
	size_t start = (size_t)(line.at - change->old), end = start + line.len;

	end += end < change->new_len; /* the newline */
	note(change, number, "-", without_return(line));
	memmove(change->new + start, change->new + end, change->new_len - end);
	change->new_len -= end - start;
}

void change_replace(struct change *change, unsigned number, struct text line)
{
	struct text old = without_return(change_line(change, number));
	size_t start = (size_t)(old.at - change->old), tail = change->new_len - start - old.len;

	if (start + line.len + tail > sizeof(change->new))
		return; /* far beyond what change_write() lets through */
	note(change, number, "-", old);
	note(change, number, "+", line);
	memmove(change->new + start + line.len, change->new + start + old.len, tail);
	memcpy(change->new + start, line.at, line.len);
	change->new_len = start + line.len + tail;
}

static unsigned count_lines(const struct change *change)
{
	struct text rest = { change->new, change->new_len }, line;
	unsigned lines = 0;

	while (rest.len && text_cut(&rest, '\n', &line))
		lines++;
	return lines;
}

static void put(struct change *change, const char *at, size_t len)
{
	if (len > sizeof(change->new) - change->new_len)
		return; /* far beyond what change_write() lets through */
	memcpy(change->new + change->new_len, at, len);
	change->new_len += len;
}

/* Lines end as the file's first one does. */
unsigned change_append(struct change *change, const char *line)
{
	const char *end = memchr(change->old, '\n', change->old_len);
	const char *newline = end && end > change->old && end[-1] == '\r' ? "\r\n" : "\n";
	unsigned number;

	if (change->new_len && change->new[change->new_len - 1] != '\n')
		put(change, newline, strlen(newline));
	number = count_lines(change) + 1;
	note(change, number, "+", text_of(line));
	put(change, line, strlen(line));
	put(change, newline, strlen(newline));
	return number;
}

static int complain_write(const struct change *change, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return complain(EXIT_PERMISSION, "/%s: %s: to write it takes root", change->path,
				strerror(-err));
	case -ESTALE:
		return complain(EXIT_FAILED, "/%s: it was changed meanwhile: run this again",
				change->path);
	case -EBUSY:
		return complain(EXIT_FAILED, "/%s.new: somebody else is at it", change->path);
	case -EXDEV:
		return complain(EXIT_FAILED,
				"/%s: it is a link to where others may write: edit it by hand",
				change->path);
	default:
		return complain(EXIT_FAILED, "/%s: %s: it is as it was", change->path,
				strerror(-err));
	}
}

void change_place(const struct rule *rule, char out[CHANGE_PLACE_SIZE])
{
	(void)snprintf(out, CHANGE_PLACE_SIZE, "%.*s:%u", (int)rule->file.len, rule->file.at,
		       rule->line);
}

bool rule_is_vendors(const struct rule *rule)
{
	static const char folder[] = "/" VENDOR_DIR "/";

	return rule->file.len > sizeof(folder) &&
	       !memcmp(rule->file.at, folder, sizeof(folder) - 1);
}

int change_fits(const struct change *change)
{
	size_t before = change->host->judged.policy_text.content;

	if (before - change->old_len + change->new_len <= POLICY_BYTES_MAX)
		return EXIT_AS_CONFIGURED;
	return complain(EXIT_USAGE, "the policy has %zu bytes, and no more fit", before);
}

int change_write(struct change *change)
{
	struct text old = { change->exists ? change->old : NULL, change->old_len };
	struct text new = { change->new, change->new_len };
	int code = change_fits(change), err;

	if (code != EXIT_AS_CONFIGURED)
		return code;
	err = edit_write(&change->host->judged.machine, change->path, old, new);
	return err ? complain_write(change, err) : EXIT_AS_CONFIGURED;
}

struct json_object *change_json(struct change *change)
{
	struct json_object *object = json_object_new_object();

	json_add_format(object, "file", "/%s", change->path);
	(void)json_object_object_add(object, "diff", change->diff);
	change->diff = NULL;
	return object;
}

static bool in_colour(void)
{
	const char *no = getenv("NO_COLOR"); /* https://no-color.org */

	return isatty(STDOUT_FILENO) && !(no && no[0]);
}

void change_print(struct json_object *file)
{
	struct json_object *diff = json_object_object_get(file, "diff");
	bool colour = in_colour();

	(void)puts(json_get_string(file, "file"));
	for (size_t i = 0; i < json_object_array_length(diff); i++) {
		struct json_object *line = json_object_array_get_idx(diff, i);
		const char *sign = json_get_string(line, "change");
		const char *start = sign[0] == '+' ? "\033[32m" : "\033[31m";

		(void)printf("%s%s %s%s\n", colour ? start : "", sign,
			     json_get_string(line, "text"), colour ? "\033[0m" : "");
	}
}
