/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arguments.h"
#include "host/machine_file.h"
#include "host/read_host.h"

int command_dump(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "" };
	int code = arguments_take(options, &none, argc, argv);
	struct host *host;

	if (code >= 0)
		return code;
	if (options->json)
		return complain(EXIT_USAGE, "dump writes a machine file: no --json");
	host = host_look(options, &code);
	if (!host)
		return code;
	code = host_read_all(host);
	/* What cannot be written main() sees to. */
	if (code == EXIT_AS_CONFIGURED)
		(void)machinefile_write(host, stdout);
	host_free(host);
	return code;
}
