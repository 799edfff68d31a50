/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two halves of reading a machine file share: its rows, and its `#key value` lines. */
#ifndef MACHINEREADER_H
#define MACHINEREADER_H

#include "host.h"

/* A machine file being read. */
struct reader {
	struct host *host;
	struct inventory *inventory;
	const char *path;
	unsigned line;
	const char *source; /* the line, for columns */
	struct text text;   /* all of the file */
	uint64_t *parents;  /* of each device, as inventory_link() wants them */
	size_t protect_len;
	bool has_protect;
};

/* Says what should have stood at a place in the line; returns false. */
bool reader_expected(const struct reader *reader, struct text at, const char *what);

/* Adds a slot of that name, at where *at says, unless there is one. */
bool reader_add_slot(struct reader *reader, struct text name, const struct slot *at);

/* Takes a line that begins with "#"; all rows have been read. */
bool reader_take_key(struct reader *reader, struct text line);

#endif
