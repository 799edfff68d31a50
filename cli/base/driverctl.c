/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "driverctl.h"

#include "words.h"

#include <string.h>

#define DRIVERCTL_DIR "etc/driverctl.d"

int driverctl_read(struct machine *machine, conf_take take, void *context)
{
	static const char *const dirs[] = { DRIVERCTL_DIR };

	return conf_read_dirs(machine, dirs, 1, "", take, context);
}

bool driverctl_parse(const struct conf_line *line, struct address *address, struct text *driver)
{
	static const char prefix[] = DRIVERCTL_DIR "/pci-"; /* its udev rule has that name */
	struct text rest = line->text;

	return !strncmp(line->path, prefix, sizeof(prefix) - 1) &&
	       address_parse(text_of(line->path + sizeof(prefix) - 1), address) &&
	       word_next(&rest, driver);
}
