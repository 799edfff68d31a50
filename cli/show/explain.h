/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What explain says of rules and guards, in words that name the values compared. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "host/host.h"

#define SENTENCE_SIZE 512

/* "id 10de:1c82": what the device shows where the selector looks. */
const char *say_selector(struct host *host, enum selector selector, size_t index,
			 char out[SENTENCE_SIZE]);

/* Why the guard strikes or passes: "group 39, alone in it". */
const char *say_guard(struct host *host, enum reason guard, size_t index, char out[SENTENCE_SIZE]);

/* What can be done where the plan refuses the device, or an empty text. */
const char *say_next_step(struct host *host, size_t index, char out[SENTENCE_SIZE]);

/* Why a rule binds nothing, and what there is to add: where its device may be now. */
const char *say_unmet(const struct host *host, size_t rule, char out[SENTENCE_SIZE]);

#endif
