/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include "nearest.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 32

enum {
	OPTION_ROOT = 1000,
	OPTION_MACHINE,
	OPTION_JSON,
	OPTION_RAW,
	OPTION_NOHEADINGS,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option common[] = {
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "machine", required_argument, NULL, OPTION_MACHINE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "noheadings", no_argument, NULL, OPTION_NOHEADINGS },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

static int take_common(struct options *options, int option, const char *command,
		       const struct arguments *arguments)
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
	case 'o':
		options->columns = optarg;
		return -1;
	case OPTION_RAW:
		options->raw = true;
		return -1;
	case OPTION_NOHEADINGS:
		options->noheadings = true;
		return -1;
	case OPTION_HELP:
		return options->print_help(command, arguments);
	case OPTION_VERSION:
		return puts("vfio-bind " VERSION) < 0 ? EXIT_FAILED : EXIT_AS_CONFIGURED;
	default:
		return EXIT_USAGE; /* it was told */
	}
}

static bool is_own(const struct arguments *arguments, int option)
{
	for (size_t i = 0; arguments->own && i < arguments->own_count; i++)
		if (arguments->own[i].val == option)
			return true;
	return false;
}

/* Says what is wrong with an option: the word it was in, and the nearest there is. */
static void complain_option(int option, const char *word, const struct option all[])
{
	struct nearest nearest = nearest_to(word + strspn(word, "-"));
	bool is_long = !strncmp(word, "--", 2);

	for (const struct option *one = all; is_long && one->name; one++)
		nearest_try(&nearest, one->name);
	if (option == ':')
		(void)complain(EXIT_USAGE, "option '%s' requires an argument", word);
	else if (!is_long)
		(void)complain(EXIT_USAGE, "invalid option -- '%c'", optopt);
	else if (optopt)
		(void)complain(EXIT_USAGE, "option '%s' takes no argument", word);
	else if (nearest.found)
		(void)complain(EXIT_USAGE, "unrecognized option '%s': did you mean --%s?", word,
			       nearest.found);
	else
		(void)complain(EXIT_USAGE, "unrecognized option '%s'", word);
}

static int take_options(struct options *options, const struct arguments *arguments, int argc,
			char *argv[], const char *command, const char *letters)
{
	struct option all[OPTIONS_MAX];
	int option, code = -1;
	size_t count = 0;

	/* A command's own option takes the place of a common one of the same name. */
	for (size_t i = 0; arguments->own && i < arguments->own_count && count < OPTIONS_MAX - 1;
	     i++)
		all[count++] = arguments->own[i];
	for (size_t i = 0; common[i].name && count < OPTIONS_MAX - 1; i++)
		if (!is_own(arguments, common[i].val))
			all[count++] = common[i];
	all[count] = (struct option){ 0 };
	optind = 0; /* getopt_long(3) starts anew */
	opterr = 0;
	while (code < 0 && (option = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		if (option == '?' || option == ':') {
			complain_option(option, argv[optind - 1], all);
			/* Behind it nothing is read any more, but in which form to say so. */
			for (int i = optind; i < argc; i++)
				options->json |= !strcmp(argv[i], "--json");
		}
		code = is_own(arguments, option) ?
			       arguments->take(arguments->context, option, optarg) :
			       take_common(options, option, command, arguments);
	}
	return code;
}

int arguments_take(struct options *options, const struct arguments *arguments, int argc,
		   char *argv[])
{
	int code = take_options(options, arguments, argc, argv, argv[0], ":o:");

	if (code >= 0)
		return code;
	if (argc - optind < arguments->min || argc - optind > arguments->max)
		return complain(EXIT_USAGE, "usage: vfio-bind %s%s%s", argv[0],
				arguments->usage[0] ? " " : "", arguments->usage);
	return -1;
}

int arguments_need_machine(const struct options *options, const char *command, const char *writes)
{
	if (options->machine_file)
		return complain(EXIT_USAGE, "%s works on the machine itself: no --machine",
				command);
	if (writes && geteuid() != 0)
		return complain(EXIT_PERMISSION, "%s writes %s: it takes root", command, writes);
	return -1;
}

int arguments_open(const struct options *options, struct machine *machine)
{
	int err = machine_open(machine, options->root);

	if (!err)
		return EXIT_AS_CONFIGURED;
	if (machine->root >= 0)
		machine_close(machine);
	return complain(EXIT_FAILED, "%s: %s", options->root, strerror(-err));
}

const struct option *arguments_common(void)
{
	return common;
}

int arguments_flag(void *context, int option, const char *value)
{
	(void)option;
	(void)value;
	*(bool *)context = true;
	return -1;
}

int arguments_refuse_json(struct options *options, const char *how)
{
	options->json = false;
	return complain(EXIT_USAGE, "%s", how);
}

int arguments_take_first(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { 0 };

	return take_options(options, &none, argc, argv, NULL, "+:o:");
}
