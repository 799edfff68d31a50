/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "protect_list.h"

#include "base/complain.h"
#include "facts.h"
#include "keyboards.h"
#include "network.h"
#include "path.h"
#include "scan.h"
#include "storage.h"
#include "value.h"

#include <stdlib.h>
#include <string.h>

/* What this means for the policy: the guard host-unknown. */
#define NO_STORAGE "storage is bound only where its rule has id= and an address, a path or a dsn"

/* What container managers leave for those inside to see: systemd-detect-virt(1), Docker, Podman. */
static const char *const container_marks[] = {
	"run/systemd/container",
	"run/host/container-manager",
	"run/.containerenv",
	".dockerenv",
};

/*
 * True in a container: by such a mark, or by a process namespace that is not the first, whose
 * number never changes (PROC_PID_INIT_INO of linux/include/linux/proc_ns.h).
 */
static bool is_container(struct machine *machine)
{
	char link[64];
	ssize_t len = machine_readlink(machine, "proc/self/ns/pid", link, sizeof(link));

	if (len > 0 && strcmp(link, "pid:[4026531836]") != 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(container_marks); i++)
		if (machine_has(machine, container_marks[i]))
			return true;
	return false;
}

/* Why nobody can say from here what the host lives on, or NULL. */
static const char *find_hidden(struct host_use *host)
{
	if (!host->machine->live && !host->machine->confined)
		return "/sys is no sysfs";
	if (is_container(host->machine))
		return "a container";
	if (!host->inventory->count && scan(host->machine, host->inventory))
		return "its PCI devices cannot be read";
	return storage_find(host);
}

void host_use_find(struct host_use *host, struct machine *machine, struct inventory *inventory)
{
	const char *hidden;

	memset(host, 0, sizeof(*host));
	host->machine = machine;
	host->inventory = inventory;
	hidden = find_hidden(host);
	host->hidden = hidden != NULL;
	if (host->hidden)
		warn("what the host lives on cannot be seen from here (%s): " NO_STORAGE, hidden);
	else if (host->storage_unknown)
		warn("not all of the host's storage could be followed: " NO_STORAGE);
	if (host->hidden) {
		host->needs.count = 0;
		return;
	}
	network_find(host);
	keyboards_find(host);
}

/* Serial numbers of all devices of its kind, to see whether its own is nobody else's. */
static void read_dsn(struct host_use *host, size_t index)
{
	static struct wants wants;
	static struct claims claims;
	const struct device *wanted = &host->inventory->devices[index];

	for (size_t i = 0; i < host->inventory->count; i++) {
		const struct device *device = &host->inventory->devices[i];

		if (device->vendor != wanted->vendor || device->device != wanted->device)
			continue;
		wants.of[i] = FACT_DSN;
		/* It takes root to read one, and without it the path has to do. */
		(void)facts_read(host->machine, host->inventory, &wants, &claims);
		wants.of[i] = 0;
	}
}

/*
 * A number that stands in several devices, as in all functions of a network card, would
 * protect each of them: then the path alone says which it is.
 */
static bool has_own_dsn(const struct host_use *host, size_t index)
{
	const struct device *wanted = &host->inventory->devices[index];

	if (!wanted->dsn || wanted->dsn == UINT64_MAX)
		return false;
	for (size_t i = 0; i < host->inventory->count; i++) {
		const struct device *device = &host->inventory->devices[i];

		if (i != index && device->vendor == wanted->vendor &&
		    device->device == wanted->device && device->dsn == wanted->dsn)
			return false;
	}
	return true;
}

static void write_line(struct host_use *host, size_t index, enum use use, FILE *out)
{
	const struct device *device = &host->inventory->devices[index];
	char path[PATH_SIZE], dsn[DSN_SIZE];

	(void)path_format(host->inventory, index, path);
	(void)fprintf(out, "%s path=%s id=%04x:%04x", use_name(use), path, device->vendor,
		      device->device);
	if (has_own_dsn(host, index)) {
		dsn_format(device->dsn, dsn);
		(void)fprintf(out, " dsn=%s", dsn);
	}
	(void)fputc('\n', out);
}

/* True if the boot will understand it: there may be more lines than it has room for. */
static bool is_readable(const char *at, size_t len)
{
	static struct protect protect;

	return len < PROTECT_BYTES_MAX && !protect_parse(&protect, (struct text){ at, len });
}

void host_use_write(struct host_use *host, FILE *out)
{
	static const enum use uses[] = { USE_STORAGE, USE_NETWORK, USE_INPUT };
	size_t len = 0;
	char *text = NULL;
	FILE *lines = open_memstream(&text, &len);

	for (size_t i = 0; !host->hidden && i < host->inventory->count; i++)
		if (host->uses[i])
			read_dsn(host, i);
	if (lines) {
		(void)fputs(PROTECT_HEADER "\n", lines);
		if (host->hidden || host->storage_unknown)
			(void)fputs("unknown\n", lines);
		for (size_t use = 0; !host->hidden && use < ARRAY_SIZE(uses); use++)
			for (size_t i = 0; i < host->inventory->count; i++)
				if (host->uses[i] & uses[use])
					write_line(host, i, uses[use], lines);
		if (fclose(lines))
			len = 0;
	}
	if (len && is_readable(text, len))
		(void)fwrite(text, 1, len, out);
	else
		(void)fputs(PROTECT_HEADER "\nunknown\n", out);
	free(text);
}
