/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind: looks at the machine, checks and explains the policy, builds what boots. */
#include "command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name, *arguments, *does;
	int (*run)(struct options *options, int argc, char *argv[]);
} commands[] = {
	{ "explain", "ADDRESS", "every rule and guard that touches a device", command_explain },
	{ "dump", "", "this machine as text, for a bug report", command_dump },
	{ "payload", "--kernel RELEASE DIR", "what an image needs, for hooks", command_payload },
};

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

static int print_help(void)
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

int common_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_ROOT:
		options->root = optarg;
		return -1;
	case OPTION_MACHINE:
		options->machine_file = optarg;
		return -1;
	case OPTION_JSON:
		options->json = true;
		return -1;
	case OPTION_HELP:
		return print_help();
	default:
		return EXIT_USAGE; /* getopt_long(3) has said what is wrong */
	}
}

int take_arguments(struct options *options, int argc, char *argv[], int count)
{
	static const struct option long_options[] = { COMMON_OPTIONS, { 0 } };
	int option, code;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		code = common_option(options, option);
		if (code >= 0)
			return code;
	}
	if (argc - optind == count)
		return -1;
	return complain(EXIT_USAGE, "%s takes %d arguments; see vfio-bind --help", argv[0], count);
}

static int run_command(struct options *options, int argc, char *argv[])
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		optind = 0; /* getopt_long(3) starts anew on the command's own arguments */
		return commands[i].run(options, argc, argv);
	}
	return complain(EXIT_USAGE, "%s: there is no such command; see vfio-bind --help", argv[0]);
}

int main(int argc, char *argv[])
{
	static const struct option long_options[] = {
		COMMON_OPTIONS,
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct options options = { .root = "/" };
	int option;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		int code;

		if (option == 'v')
			return puts("vfio-bind " VERSION) < 0 ? EXIT_FAILED : EXIT_AS_CONFIGURED;
		code = common_option(&options, option);
		if (code >= 0)
			return code;
	}
	if (optind == argc)
		return complain(EXIT_USAGE, "a command is missing; see vfio-bind --help");
	return run_command(&options, argc - optind, argv + optind);
}
