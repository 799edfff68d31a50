/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mistakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of 4096 bytes would bury the caret: this much is shown before it, and in all. */
#define SHOWN_BEFORE 100
#define SHOWN        160

/* All but the first byte of a character in UTF-8. */
static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The line may hold anything, and a terminal would obey some of it. */
static int printable(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f) ? c : '?';
}

static void print_source(struct text source, size_t column)
{
	size_t start = column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
	size_t end = source.len - start > SHOWN ? start + SHOWN : source.len;

	while (start < column && is_continuation((unsigned char)source.at[start]))
		start++;
	while (end < source.len && is_continuation((unsigned char)source.at[end]))
		end++;
	(void)fputs("  ", stderr);
	for (size_t i = start; i < end; i++)
		(void)fputc(printable((unsigned char)source.at[i]), stderr);
	(void)fputc('\n', stderr);
	/* Blanks as wide as the text above: a tab stays a tab, any other character is a blank. */
	(void)fputs("  ", stderr);
	for (size_t i = start; i < column; i++)
		if (!is_continuation((unsigned char)source.at[i]))
			(void)fputc(source.at[i] == '\t' ? '\t' : ' ', stderr);
	(void)fputs("^\n", stderr);
}

void mistakes_print(struct mistakes *mistakes)
{
	for (; mistakes->told < mistakes->count; mistakes->told++) {
		const struct mistake *mistake = &mistakes->list[mistakes->told].mistake;
		size_t column = mistake->column - 1;
		char said[512];

		(void)snprintf(said, sizeof(said), "%.*s:%u:%u: expected %s",
			       (int)mistake->file.len, mistake->file.at, mistake->line,
			       mistake->column, mistake->expected);
		complained(said);
		(void)fprintf(stderr, "%s\n", said);
		/* A mistake of the file as a whole has no line to show. */
		if (mistake->source.len && column <= mistake->source.len)
			print_source(mistake->source, column);
	}
}

enum exit_code mistakes_code(const struct mistakes *mistakes)
{
	return mistakes->diag.denied ? EXIT_PERMISSION : EXIT_USAGE;
}

int mistakes_complain(const struct mistakes *mistakes, const char *what)
{
	return complain(mistakes_code(mistakes), "%s",
			mistakes->diag.denied ? "the policy may not be read: run it as root" :
						what);
}

struct json_object *mistakes_json(const struct mistakes *mistakes)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < mistakes->count; i++) {
		const struct mistake *mistake = &mistakes->list[i].mistake;
		struct json_object *object = json_object_new_object();

		json_add_text(object, "file", mistake->file);
		(void)json_object_object_add(object, "line",
					     json_object_new_int((int)mistake->line));
		(void)json_object_object_add(object, "column",
					     json_object_new_int((int)mistake->column));
		json_add_string(object, "expected", mistake->expected);
		json_add_text(object, "text", mistake->source);
		(void)json_object_array_add(array, object);
	}
	return array;
}

/* Copies text behind *end, which moves on. */
static struct text keep(char **end, struct text text)
{
	struct text kept = { *end, text.len };

	memcpy(*end, text.at, text.len);
	*end += text.len;
	return kept;
}

/* The texts may be gone by the time they are told, so they are copied. */
void mistakes_collect(struct diag *diag, const struct mistake *mistake)
{
	struct mistakes *mistakes = (struct mistakes *)diag; /* it comes first */
	struct text expected = { mistake->expected, strlen(mistake->expected) + 1 };
	char *texts = malloc(mistake->file.len + mistake->source.len + expected.len), *end = texts;
	struct recorded_mistake *list =
		realloc(mistakes->list, (mistakes->count + 1) * sizeof(*mistakes->list));

	if (list)
		mistakes->list = list;
	if (!list || !texts) {
		free(texts);
		return;
	}
	list += mistakes->count++;
	list->texts = texts;
	list->mistake = *mistake;
	list->mistake.file = keep(&end, mistake->file);
	list->mistake.source = keep(&end, mistake->source);
	list->mistake.expected = keep(&end, expected).at;
}

void mistakes_free(struct mistakes *mistakes)
{
	for (size_t i = 0; i < mistakes->count; i++)
		free(mistakes->list[i].texts);
	free(mistakes->list);
	*mistakes = (struct mistakes)MISTAKES_NONE;
}
