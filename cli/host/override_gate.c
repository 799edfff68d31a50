/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "override_gate.h"

#include <string.h>

#define MODULES   "sys/module"
#define PARAMETER "allow_driver_override"

/* Which part of the kernel has the parameter is not said anywhere yet. */
static bool is_shut(struct machine *machine, const char *module)
{
	char folder[MACHINE_PATH_SIZE], path[MACHINE_PATH_SIZE], value[8];

	return join(folder, sizeof(folder), MODULES "/", module, "/parameters/") &&
	       join(path, sizeof(path), folder, PARAMETER, "") &&
	       machine_read(machine, path, value, sizeof(value)) > 0 &&
	       (value[0] == 'N' || value[0] == '0');
}

bool override_gate(struct machine *machine, char word[OVERRIDE_GATE_SIZE])
{
	struct dir dir;
	const char *name;
	bool found = false;
	int err = dir_open(machine, MODULES, &dir);

	if (err)
		return false;
	while (!found && (name = dir_next(&dir, &err)))
		found = is_shut(machine, name) &&
			join(word, OVERRIDE_GATE_SIZE, name, "." PARAMETER, "=1");
	dir_close(&dir);
	return found;
}

bool override_gate_failed(struct text failure)
{
	static const char *const errors[] = { "ENODEV", "EPERM", "EACCES", "another error" };
	struct text word;

	if (!text_cut(&failure, ':', &word) || !text_is(word, "failed") ||
	    !text_cut(&failure, ':', &word) ||
	    (!text_is(word, " bind") && !text_is(word, " driver_override")) || !failure.len)
		return false;
	failure.at++;
	failure.len--;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (text_is(failure, errors[i]))
			return true;
	return false;
}
