/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dot.h"

#include <stdio.h>

void dot_name(const char *text)
{
	(void)putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			(void)putchar('\\');
		(void)putchar(*text);
	}
	(void)putchar('"');
}

void dot_label(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '"':
			(void)fputs("\\\"", stdout);
			break;
		case '\\':
			(void)fputs("\\\\", stdout);
			break;
		case '&':
			(void)fputs("&amp;", stdout);
			break;
		case '\n':
			(void)fputs("\\n", stdout);
			break;
		default:
			(void)putchar(*text);
			break;
		}
	}
}
