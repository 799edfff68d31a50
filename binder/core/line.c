/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "line.h"

#include <string.h>

bool expected(struct line *line, const char *at, const char *what)
{
	line->mistake.column = (unsigned)(at - line->mistake.source.at) + 1;
	line->mistake.expected = what;
	diag_report(line->diag, &line->mistake);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool find_word(struct line *line)
{
	while (line->at < line->end && is_blank(*line->at))
		line->at++;
	return line->at < line->end && *line->at != '#';
}

static bool take_quoted(struct line *line, struct text *value)
{
	const char *quote = line->at++;
	const char *close = memchr(line->at, '"', (size_t)(line->end - line->at));

	if (!close) {
		line->at = line->end;
		return expected(line, quote, "a closing quote");
	}
	*value = (struct text){ line->at, (size_t)(close - line->at) };
	line->at = close + 1;
	if (line->at == line->end || is_blank(*line->at))
		return true;
	expected(line, line->at, "a blank behind the closing quote");
	while (line->at < line->end && !is_blank(*line->at))
		line->at++;
	return false;
}

bool take_word(struct line *line, struct word *word)
{
	const char *start = line->at;

	*word = (struct word){ .at = start };
	while (line->at < line->end && !is_blank(*line->at)) {
		if (*line->at == '"' && line->at == start)
			return word->quoted = take_quoted(line, &word->value);
		if (*line->at++ != '=' || word->key.at)
			continue;
		word->key = (struct text){ start, (size_t)(line->at - start) - 1 };
		start = line->at;
	}
	word->value = (struct text){ start, (size_t)(line->at - start) };
	return true;
}

bool is_keyword(const struct word *word, const char *keyword)
{
	return !word->key.at && word->value.at == word->at && text_is(word->value, keyword);
}
