/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nearest.h"

#include <string.h>

#define WORD_MAX 32

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Damerau and Levenshtein's distance, with each swap counted once. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], *above = rows[0], *before = rows[1], *row = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= b_len; j++)
		before[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = above;

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(before[j - 1] + (a[i - 1] != b[j - 1]),
				       least(before[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], above[j - 2] + 1);
		}
		above = before;
		before = row;
		row = spare;
	}
	return before[b_len];
}

struct nearest nearest_to(const char *word)
{
	size_t len = strlen(word);

	/* A third of the letters may be wrong, but one always may. */
	return (struct nearest){ .word = word, .distance = len ? (len < 6 ? 1 : len / 3) + 1 : 0 };
}

void nearest_try(struct nearest *nearest, const char *word)
{
	size_t here = distance(nearest->word, word);

	if (here >= nearest->distance)
		return;
	nearest->found = word;
	nearest->distance = here;
}
