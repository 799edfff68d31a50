/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int lines_open(struct lines *lines, struct machine *machine, const char *path)
{
	lines->at = lines->end = 0;
	lines->fd = machine_openat(machine, path, O_RDONLY);
	if (lines->fd == -ENOENT && machine_has(machine, path))
		lines->fd = -EIO;
	/* In advance too: lines_next() has no machine to name it to. */
	return machine_blame(machine, path, lines->fd < 0 ? lines->fd : 0);
}

/* Moves what is left to the front and reads on behind it. Returns how much came, or an error. */
static ssize_t fill(struct lines *lines)
{
	ssize_t n;

	lines->end -= lines->at;
	memmove(lines->buffer, lines->buffer + lines->at, lines->end);
	lines->at = 0;
	if (lines->end == sizeof(lines->buffer))
		return -EFBIG;
	n = read(lines->fd, lines->buffer + lines->end, sizeof(lines->buffer) - lines->end);
	if (n < 0)
		return -errno;
	lines->end += (size_t)n;
	return n;
}

bool lines_next(struct lines *lines, struct text *line, int *err)
{
	ssize_t n = 1;

	*err = 0;
	for (;;) {
		const char *start = lines->buffer + lines->at;
		size_t len = lines->end - lines->at;
		const char *end = len ? memchr(start, '\n', len) : NULL;

		if (end || (!n && len)) { /* the last line may lack its end */
			line->at = start;
			line->len = end ? (size_t)(end - start) : len;
			lines->at += line->len + (end != NULL);
			return true;
		}
		if (!n)
			return false;
		n = fill(lines);
		if (n < 0) {
			*err = (int)n;
			return false;
		}
	}
}

void lines_close(struct lines *lines)
{
	(void)close(lines->fd);
}
