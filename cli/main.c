/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind: looks at the machine, checks and explains the policy, builds what boots. */
#include "arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name, *arguments, *does;
	int (*run)(struct options *options, int argc, char *argv[]);
} commands[] = {
	{ "explain", "ADDRESS", "every rule and guard that touches a device", command_explain },
	{ "apply", "", "the boot's work on the running host", command_apply },
	{ "release", "ADDRESS", "gives a device back to the host", command_release },
	{ "dump", "", "this machine as text, for a bug report", command_dump },
	{ "payload", "--kernel RELEASE DIR", "what an image needs, for hooks", command_payload },
};

const char *exit_word(enum exit_code code)
{
	static const char *const words[] = {
		[EXIT_AS_CONFIGURED] = "as-configured",
		[EXIT_FAILED] = "failed",
		[EXIT_USAGE] = "mistake",
		[EXIT_NO_DEVICE] = "no-device",
		[EXIT_PERMISSION] = "permission",
		[EXIT_GUARDED] = "refused",
		[EXIT_NOT_CONFIGURED] = "not-configured",
		[EXIT_PENDING] = "pending",
		[EXIT_DRIFT] = "drift",
		[EXIT_WARNINGS] = "warnings",
	};

	return words[code];
}

int complain(enum exit_code code, const char *how, ...)
{
	va_list arguments;

	(void)fputs("vfio-bind: ", stderr);
	va_start(arguments, how);
	(void)vfprintf(stderr, how, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	return code;
}

int print_help(void)
{
	(void)puts("usage: vfio-bind [--root DIR | --machine FILE] COMMAND [ARGUMENT...]\n"
		   "\n"
		   "Gives chosen PCI devices to vfio-pci before any other driver sees them.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)printf("  %-8s %-22s %s\n", commands[i].name, commands[i].arguments,
			     commands[i].does);
	(void)puts("\nThe policy is /etc/vfio-bind.conf: see vfio-bind(8) and vfio-bind.conf(5).");
	return EXIT_AS_CONFIGURED;
}

static int run_command(struct options *options, int argc, char *argv[])
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(options, argc, argv);
	return complain(EXIT_USAGE, "%s: there is no such command; see vfio-bind --help", argv[0]);
}

int main(int argc, char *argv[])
{
	struct options options = { .root = "/" };
	int code = arguments_take_first(&options, argc, argv);

	if (code >= 0)
		return code;
	if (optind == argc)
		return complain(EXIT_USAGE, "a command is missing; see vfio-bind --help");
	return run_command(&options, argc - optind, argv + optind);
}
