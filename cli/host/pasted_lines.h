/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of a pasted text as rows, one for each time that a function is told of. What they say
 * is borrowed from the text.
 */
#ifndef PASTED_LINES_H
#define PASTED_LINES_H

#include "device.h"
#include "text.h"

#define ROW_MAX (2 * DEVICE_MAX) /* a device may be listed twice, with its group and without */

/* One function as the text tells it. A text of length 0 was not there; all are borrowed. */
struct row {
	struct address address, parent;
	uint32_t class;
	struct text id, subsystem, revision, driver, dsn, slot;
	int32_t group;     /* GROUP_NONE */
	int16_t secondary; /* the bus below a bridge, or -1 */
	enum { PARENT_UNKNOWN, PARENT_NONE, PARENT_KNOWN } parent_state;
	unsigned line;      /* where it stands without ids, or 0 */
	unsigned order;     /* in the text */
	bool has_interface; /* class has all six digits */
	bool below_function;
	bool framebuffer;
};

struct paste {
	struct row *rows;
	size_t count;
	struct row *current; /* the one that the lines behind it tell of, or NULL */
	int32_t group;       /* of the heading above */
	struct text broken;  /* a function's line that may go on in the next one, or empty */
	unsigned bare_line;  /* the first function left out, for it has no ids; or 0 */
	size_t bare_count;   /* how many */
	bool udev, tells_buses, full;
};

/* A copy without colours, byte order mark and blanks that do not break; to be freed, or NULL. */
char *pasted_clean(struct text text, size_t *len);

/* True where a line of the text tells of a function. Text is clean. */
bool pasted_tells(struct text text);

/* Adds the rows of a clean text; paste->rows has room for ROW_MAX. */
void pasted_take(struct paste *paste, struct text text);

/* True for a text that begins with VVVV:DDDD. */
bool pasted_is_id(struct text text);

#endif
