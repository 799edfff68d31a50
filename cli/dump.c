/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"
#include "machinefile.h"

#include <string.h>

int command_dump(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "" };
	int code = arguments_take(options, &none, argc, argv), err;
	struct host *host;

	if (code >= 0)
		return code;
	host = host_look(options, &code);
	if (!host)
		return code;
	code = host_read_all(host);
	if (code == EXIT_AS_CONFIGURED) {
		err = machinefile_write(host, stdout);
		if (err)
			code = complain(EXIT_FAILED, "standard output: %s", strerror(-err));
	}
	host_free(host);
	return code;
}
