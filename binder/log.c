/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include "format.h"

#include <fcntl.h>
#include <unistd.h>

#define MISTAKES_SHOWN 8

static struct machine *log_machine;
static bool log_stderr = true;

void log_open(struct machine *machine, bool also_stderr)
{
	log_machine = machine;
	log_stderr = also_stderr;
}

/*
 * /dev/kmsg drops what goes past ten lines in five seconds, for each time it is opened:
 * linux/kernel/printk/printk.c:devkmsg_write. So every line opens it anew.
 */
static bool log_kernel(const char *line, size_t len)
{
	int fd;
	bool ok;

	if (!log_machine)
		return false;
	fd = machine_openat(log_machine, "dev/kmsg", O_WRONLY | O_APPEND | O_NOCTTY);
	if (fd < 0)
		return false;
	ok = write(fd, line, len) == (ssize_t)len;
	(void)close(fd);
	return ok;
}

void log_line(enum level level, const char *how, ...)
{
	char line[512];
	size_t prefix = format(line, sizeof(line), "<%u>", (unsigned)level), len = prefix;
	va_list arguments;

	len += format(line + len, sizeof(line) - len, "vfio-bind: ");
	va_start(arguments, how);
	len += format_list(line + len, sizeof(line) - len - 1, how, arguments);
	va_end(arguments);
	line[len++] = '\n';
	if (!log_kernel(line, len) || log_stderr)
		(void)!write(STDERR_FILENO, line + prefix, len - prefix);
}

void log_mistake(struct diag *diag, const struct mistake *mistake)
{
	if (diag->mistakes <= MISTAKES_SHOWN)
		log_line(LEVEL_ERROR, "nothing bound: %.*s:%u:%u: expected %s",
			 (int)mistake->file.len, mistake->file.at, mistake->line, mistake->column,
			 mistake->expected);
}
