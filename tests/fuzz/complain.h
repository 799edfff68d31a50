/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host program would say on stderr, for the targets that hold it to its word. */
#ifndef FUZZ_COMPLAIN_H
#define FUZZ_COMPLAIN_H

#include "base/complain.h"
#include "fuzz.h"
#include "host/machine_file.h"
#include "host/read_host.h"

#include <string.h>

static char complaint[1024]; /* the last one */
static size_t complaints;

static void hear(const char *message)
{
	MUST(message[0] && strlen(message) < sizeof(complaint));
	(void)strcpy(complaint, message);
	complaints++;
}

static inline void complaints_clear(void)
{
	complain_to(hear);
	complaints = 0;
	complaint[0] = '\0';
}

/* Empties a host: only what a machine file fills, for it is large. */
static inline void host_empty(struct host *host)
{
	struct judgement *judged = &host->judged;

	judged->inventory.count = judged->inventory.slot_count = host->builtin_count = 0;
	judged->inventory.known = 0;
	memset(host->builtin, 0, sizeof(host->builtin));
	memset(host->kernel, 0, sizeof(host->kernel));
	memset(judged->cmdline, 0, sizeof(judged->cmdline));
	memset(host->protect_text, 0, strlen(host->protect_text));
	judged->protect.count = 0;
	judged->protect.unknown = false;
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
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		memcpy(host->drivers[i], host->judged.inventory.devices[i].driver, DRIVER_SIZE);
	return code;
}

#endif
