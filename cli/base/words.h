/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of words with blanks between them, as most tables of /proc and /etc are. */
#ifndef WORDS_H
#define WORDS_H

#include "text.h"

/* Takes the next word off the front of line; false at its end. */
bool word_next(struct text *line, struct text *word);

#endif
