/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diagnose.h"

#include <stdarg.h>
#include <stdio.h>

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

/* Blanks as wide as the text above them: a tab stays one, a character of any length is one. */
static void print_caret(struct text before)
{
	(void)fputs("  ", stderr);
	for (size_t i = 0; i < before.len; i++)
		if (!is_continuation((unsigned char)before.at[i]))
			(void)fputc(before.at[i] == '\t' ? '\t' : ' ', stderr);
	(void)fputs("^\n", stderr);
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
	print_caret((struct text){ source.at + start, column - start });
}

void diagnose(struct diag *diag, const struct mistake *mistake)
{
	size_t column = mistake->column - 1;

	(void)diag;
	(void)fprintf(stderr, "%.*s:%u:%u: expected %s\n", (int)mistake->file.len, mistake->file.at,
		      mistake->line, mistake->column, mistake->expected);
	/* A mistake of the file as a whole has no line to show. */
	if (mistake->source.len && column <= mistake->source.len)
		print_source(mistake->source, column);
}

static bool held;

void warnings_hold(bool hold)
{
	held = hold;
}

void warn(const char *how, ...)
{
	va_list arguments;

	if (held)
		return;
	(void)fputs("vfio-bind: warning: ", stderr);
	va_start(arguments, how);
	(void)vfprintf(stderr, how, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
}
