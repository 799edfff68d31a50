/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host lives on, as the image build saw it: usr/lib/vfio-bind/protect. Part of the
 * core. Its text is `vfio-bind-protect 1`, then lines of
 * `storage|network|input path=PATH id=VVVV:DDDD [dsn=...]`, or `unknown`.
 */
#ifndef PROTECT_H
#define PROTECT_H

#include "device.h"

#define PROTECT_LINES_MAX 1024
#define PROTECT_BYTES_MAX ((size_t)PROTECT_LINES_MAX * 96)
#define PROTECT_HEADER    "vfio-bind-protect 1"

enum use { USE_STORAGE = 1 << 0, USE_NETWORK = 1 << 1, USE_INPUT = 1 << 2 };

struct protect_line {
	enum use use;
	struct text path; /* in the text that was parsed */
	uint16_t vendor, device;
	uint64_t dsn; /* 0 where the line names none */
};

struct protect {
	struct protect_line lines[PROTECT_LINES_MAX];
	size_t count;
	bool unknown; /* nobody can say what the host needs */
};

/*
 * Reads text into protect; the text has to outlive it. Returns 0, or the number of the first
 * line that makes no sense: protect then says unknown, as it does for a missing file.
 */
unsigned protect_parse(struct protect *protect, struct text text);

const char *use_name(enum use use);

/*
 * The line by which the device at index is protected for that use, or NULL. A line that
 * compares serial numbers nobody read yet sets *wants_dsn and protects meanwhile.
 */
const struct protect_line *protect_find(const struct protect *protect,
					const struct inventory *inventory, size_t index,
					enum use use, bool *wants_dsn);

#endif
