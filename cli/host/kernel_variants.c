/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel_variants.h"

#include "kernels.h"
#include "variant.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_list(struct machine *machine, const char *release, const char *name)
{
	char dir[MACHINE_PATH_SIZE], path[MACHINE_PATH_SIZE];
	FILE *file;
	int fd = -1;

	if (kernel_dir(machine, release, dir) && join(path, sizeof(path), dir, name, ""))
		fd = machine_openat(machine, path, O_RDONLY);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd >= 0 && !file)
		(void)close(fd);
	return file;
}

static void put_line(FILE *out, struct text driver, struct text alias)
{
	(void)fprintf(out, "variant %.*s %.*s\n", (int)driver.len, driver.at, (int)alias.len,
		      alias.at);
}

static void take_alias(FILE *out, struct text line)
{
	struct text driver, alias;

	if (variant_parse(line, &driver, &alias))
		put_line(out, driver, alias);
}

/* "MODULE.alias=ALIAS": linux/scripts/Makefile.vmlinux, modules.builtin.modinfo */
static void take_builtin(FILE *out, struct text record)
{
	static const char sign[] = ".alias=" VARIANT_PREFIX;
	const char *at = memmem(record.at, record.len, sign, sizeof(sign) - 1);
	struct text driver, alias;

	if (!at)
		return;
	driver = variant_driver((struct text){ record.at, (size_t)(at - record.at) });
	alias.at = at + strlen(".alias=");
	alias.len = record.len - (size_t)(alias.at - record.at);
	if (driver.len && !memchr(alias.at, ' ', alias.len))
		put_line(out, driver, alias);
}

static void take_list(FILE *out, FILE *list, int end, void (*take)(FILE *, struct text))
{
	char *piece = NULL;
	size_t size = 0;
	ssize_t len;

	if (!list)
		return;
	while ((len = getdelim(&piece, &size, end, list)) > 0) {
		if (piece[len - 1] == end)
			len--;
		take(out, (struct text){ piece, (size_t)len });
	}
	free(piece);
	(void)fclose(list);
}

char *kernel_variants(struct machine *machine, const char *release)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	take_list(out, open_list(machine, release, "/modules.alias"), '\n', take_alias);
	take_list(out, open_list(machine, release, "/modules.builtin.modinfo"), '\0', take_builtin);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

bool variants_name(struct text variants, struct text driver)
{
	struct module_step step;

	while (modplan_next(&variants, &step) > 0)
		if (module_name_equal(step.file, driver))
			return true;
	return false;
}

/* The virtual function that a physical one would make: linux/drivers/pci/iov.c */
static bool read_virtual(struct machine *machine, const struct device *physical,
			 struct device *virtual)
{
	char path[MACHINE_PATH_SIZE], text[16];
	ssize_t len = machine_read_attribute(
		machine, pci_path(path, physical->address, "sriov_vf_device"), text, sizeof(text));
	struct text id = { text, len > 0 ? (size_t)len : 0 };
	uint32_t value;

	if (id.len && text[id.len - 1] == '\n')
		id.len--;
	if (!text_hex(id, 1, 4, &value))
		return false;
	*virtual = *physical;
	virtual->device = (uint16_t)value;
	return true;
}

bool variants_want(struct text variants, struct machine *machine, const struct inventory *inventory,
		   struct text driver)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];
		struct device virtual;

		if (text_equal(variant_for(variants, device), driver) ||
		    (read_virtual(machine, device, &virtual) &&
		     text_equal(variant_for(variants, &virtual), driver)))
			return true;
	}
	return false;
}

/* True if the alias of the line is that of a function of the machine. */
static bool is_here(const struct inventory *inventory, struct text alias)
{
	unsigned wildcards;

	for (size_t i = 0; i < inventory->count; i++)
		if (variant_matches(alias, &inventory->devices[i], &wildcards))
			return true;
	return false;
}

void host_find_variants(struct host *host, const char *release)
{
	struct judgement *judged = &host->judged;
	char running[NAME_SIZE], *variants;
	struct module_step step;
	struct text rest;
	size_t len = 0;

	if (host->from_file)
		return;
	if (!release) {
		host_running(host, running);
		release = running;
	}
	variants = kernel_variants(&judged->machine, release);
	/* Those that say something of a function that is here: as many as there is room for. */
	rest = text_of(variants ? variants : "");
	while (modplan_next(&rest, &step) > 0) {
		const char *line = step.file.at - strlen("variant ");
		const char *end = step.options.at + step.options.len + 1; /* with its line feed */
		size_t size = (size_t)(end - line);

		if (!is_here(&judged->inventory, step.options) ||
		    size > sizeof(judged->modplan) - len)
			continue;
		memcpy(judged->modplan + len, line, size);
		len += size;
	}
	judged->steps = (struct text){ judged->modplan, len };
	free(variants);
}

void host_take_variants(struct host *host, const char *release)
{
	if (policy_asks_auto(&host->judged.policy))
		host_find_variants(host, release);
}
