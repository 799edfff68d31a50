/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "variant.h"

#include "modplan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A line of the dump: "alias PATTERN MODULE". */
static bool is_variant_alias(const char *line, const char *driver)
{
	static const char prefix[] = "alias vfio_pci:";
	const char *module = strrchr(line, ' ');

	return !strncmp(line, prefix, sizeof(prefix) - 1) && module &&
	       module_name_equal(text_of(module + 1), text_of(driver));
}

static bool find_alias(FILE *dump, const char *driver)
{
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	rewind(dump);
	while (!found && getline(&line, &size, dump) > 0) {
		line[strcspn(line, "\n")] = '\0';
		found = is_variant_alias(line, driver);
	}
	free(line);
	return found;
}

/* libkmod looks aliases up by a device's full modalias only, so its whole index is read. */
static bool index_has_alias(struct kmod_ctx *kmod, enum kmod_index index, const char *driver)
{
	int fd = memfd_create("aliases", MFD_CLOEXEC);
	FILE *dump = fd < 0 ? NULL : fdopen(fd, "r");
	bool found;

	if (!dump) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	found = kmod_dump_index(kmod, index, fd) >= 0 && find_alias(dump, driver);
	(void)fclose(dump);
	return found;
}

bool variant_is_proven(struct kmod_ctx *kmod, const char *driver)
{
	return !strcmp(driver, "vfio-pci") || !strcmp(driver, "pci-stub") ||
	       index_has_alias(kmod, KMOD_INDEX_MODULES_ALIAS, driver) ||
	       index_has_alias(kmod, KMOD_INDEX_MODULES_BUILTIN_ALIAS, driver);
}
