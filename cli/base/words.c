/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool word_next(struct text *line, struct text *word)
{
	size_t len = 0;

	while (line->len && is_blank(*line->at)) {
		line->at++;
		line->len--;
	}
	while (len < line->len && !is_blank(line->at[len]))
		len++;
	*word = (struct text){ line->at, len };
	line->at += len;
	line->len -= len;
	return len > 0;
}
