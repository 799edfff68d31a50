/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "override_gate.h"

#include <errno.h>
#include <string.h>

#define MODULES "sys/module"

/* Which part of the kernel has the parameter is not said anywhere yet. */
static bool is_shut(struct machine *machine, const char *module)
{
	char folder[MACHINE_PATH_SIZE], path[MACHINE_PATH_SIZE], value[8];

	return join(folder, sizeof(folder), MODULES "/", module, "/parameters/") &&
	       join(path, sizeof(path), folder, OVERRIDE_GATE, "") &&
	       machine_read(machine, path, value, sizeof(value)) > 0 &&
	       (value[0] == 'N' || value[0] == '0');
}

bool override_gate(struct machine *machine, char word[OVERRIDE_GATE_SIZE])
{
	static struct dir dir;
	const char *name;
	bool found = false;
	int err = dir_open(machine, MODULES, &dir);

	if (err)
		return false;
	while (!found && (name = dir_next(&dir, &err))) {
		/* One that belongs to no module: linux/kernel/params.c:param_sysfs_builtin */
		bool bare = !strcmp(name, "kernel");

		found = is_shut(machine, name) && join(word, OVERRIDE_GATE_SIZE, bare ? "" : name,
						       &"." OVERRIDE_GATE[bare], "=1");
	}
	dir_close(&dir);
	return found;
}

bool override_is_refused(const struct outcome *outcome)
{
	int err = outcome->err;

	/* Without a driver link to read it is the device that has gone. */
	return outcome->read_back &&
	       (outcome->step == STEP_OVERRIDE || outcome->step == STEP_BIND) &&
	       (err == -ENODEV || err == -EPERM || err == -EACCES || err == -EOPNOTSUPP);
}
