/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "out.h"

#include "format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The longest piece: a policy file's name and a line of report around it fit easily. */
#define PIECE_SIZE 1024

static void write_all(struct out *out, struct text text)
{
	while (text.len && !out->err) {
		ssize_t n = write(out->fd, text.at, text.len);

		if (n <= 0)
			out->err = n ? -errno : -EIO;
		else
			text = (struct text){ text.at + n, text.len - (size_t)n };
	}
}

static void flush(struct out *out)
{
	write_all(out, (struct text){ out->buffer, out->len });
	out->len = 0;
}

void out_create(struct out *out, struct machine *machine, const char *dir, const char *name)
{
	(void)join(out->path, sizeof(out->path), dir, name, "");
	out->machine = machine;
	out->len = 0;
	out->fd = machine_create(machine, out->path);
	out->err = out->fd < 0 ? out->fd : 0;
}

int out_commit(struct out *out, int err)
{
	flush(out);
	if (out->fd >= 0)
		(void)close(out->fd);
	if (!err)
		err = out->err;
	return err ? err : machine_commit(out->machine, out->path);
}

void out_text(struct out *out, struct text text)
{
	if (text.len > sizeof(out->buffer) - out->len)
		flush(out);
	if (text.len > sizeof(out->buffer)) {
		write_all(out, text);
		return;
	}
	memcpy(out->buffer + out->len, text.at, text.len);
	out->len += text.len;
}

void out_format(struct out *out, const char *how, ...)
{
	va_list arguments;

	if (sizeof(out->buffer) - out->len < PIECE_SIZE)
		flush(out);
	va_start(arguments, how);
	out->len += format_list(out->buffer + out->len, PIECE_SIZE, how, arguments);
	va_end(arguments);
}
