/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the known words somebody may have meant. */
#ifndef NEAREST_H
#define NEAREST_H

#include <stddef.h>

struct nearest {
	const char *word;  /* what was written */
	const char *found; /* the nearest so far, or NULL where none is near */
	size_t distance;   /* of it: letters put in, left out, changed or swapped with the next */
};

struct nearest nearest_to(const char *word);

/* Offers a known word, which has to outlive nearest: it is kept if none was nearer. */
void nearest_try(struct nearest *nearest, const char *word);

#endif
