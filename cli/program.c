/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind: looks at the machine, checks and explains the policy, builds what boots. */
#include "program.h"

#include "base/arguments.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command {
	const char *name, *arguments, *does;
	int (*run)(struct options *options, int argc, char *argv[]);
} commands[] = {
	{ "list", "[--all]", "devices by IOMMU group, and who has them", command_list },
	{ "graph", "", "the machine as Graphviz DOT, for dot -Tsvg", command_graph },
	{ "status", "", "what this boot did, and whether it still holds", command_status },
	{ "check", "[--strict]", "mistakes, the plan for the next boot, what is in its way",
	  command_check },
	{ "explain", "ADDRESS", "every rule and guard that touches a device", command_explain },
	{ "add", "ADDRESS|/dev/NODE", "a rule for a device, as stable as can be", command_add },
	{ "remove", "ADDRESS|/dev/NODE|FILE:LINE", "takes it away again", command_remove },
	{ "repair", "[--dry-run]", "rules whose device stands elsewhere now", command_repair },
	{ "import", "", "rules from vfio-pci.ids= and other programs' settings", command_import },
	{ "apply", "", "the boot's work on the running host", command_apply },
	{ "release", "ADDRESS", "gives a device back to the host", command_release },
	{ "update", "", "rebuilds the images, and looks at what was made", command_update },
	{ "verify", "[--boot] IMAGE", "whether an image does what /etc says", command_verify },
	{ "dump", "", "this machine as text, for a bug report", command_dump },
	{ "overlay", "--kernel R -o FILE", "what an image needs, as an initrd of its own",
	  command_overlay },
	{ "payload", "--kernel RELEASE DIR", "what an image needs, for hooks", command_payload },
};

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

static int run_command(struct options *options, int argc, char *argv[])
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(options, argc, argv);
	return complain(EXIT_USAGE, "%s: there is no such command; see vfio-bind --help", argv[0]);
}

/* A full disk is told; whoever reads a pipe only to a point, as head(1) does, knows. */
static int finish(int code)
{
	bool lost = ferror(stdout) || fflush(stdout);
	struct stat st;

	warnings_print();
	if (!lost || (!fstat(STDOUT_FILENO, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))))
		return code;
	return complain(EXIT_FAILED, "standard output cannot be written");
}

int program(int argc, char *argv[])
{
	struct options options = { .root = "/", .print_help = print_help };
	int code = arguments_take_first(&options, argc, argv);

	if (code >= 0)
		return code;
	if (optind == argc)
		return complain(EXIT_USAGE, "a command is missing; see vfio-bind --help");
	return finish(run_command(&options, argc - optind, argv + optind));
}
