/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host program would say on stderr, for the targets that hold it to its word. */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include "fuzz.h"
#include "machinefile.h"

#include <stdarg.h>
#include <string.h>

static char complaint[1024]; /* the last one */
static size_t complaints;

/* In place of that of cli/main.c, which has a main() too. */
int complain(enum exit_code code, const char *how, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, how);
	len = vsnprintf(complaint, sizeof(complaint), how, arguments);
	va_end(arguments);
	MUST(len > 0 && (size_t)len < sizeof(complaint));
	complaints++;
	return (int)code;
}

static inline void complaints_clear(void)
{
	complaints = 0;
	complaint[0] = '\0';
}

/* Empties a host: only what a machine file fills, for it is large. */
static inline void host_empty(struct host *host)
{
	struct boot *boot = &host->boot;

	boot->inventory.count = boot->inventory.slot_count = host->builtin_count = 0;
	boot->inventory.known = 0;
	memset(host->builtin, 0, sizeof(host->builtin));
	memset(host->kernel, 0, sizeof(host->kernel));
	memset(boot->cmdline, 0, sizeof(boot->cmdline));
	memset(host->protect_text, 0, strlen(host->protect_text));
	boot->protect.count = 0;
	boot->protect.unknown = false;
	for (size_t i = 0; i < 64; i++)
		host->revisions[i] = -1;
}

/* Reads a machine file into an emptied host, as host_look() does. Returns an exit code. */
static inline int host_parse(struct host *host, struct text text)
{
	int code;

	host_empty(host);
	host->from_file = true;
	code = machinefile_parse(host, "FILE", text);
	for (size_t i = 0; i < host->boot.inventory.count; i++)
		memcpy(host->drivers[i], host->boot.inventory.devices[i].driver, DRIVER_SIZE);
	return code;
}

#endif
