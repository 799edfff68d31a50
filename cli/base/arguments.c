/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arguments.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

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
};

static int take_common(struct options *options, int option)
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
		return options->print_help();
	case OPTION_VERSION:
		return puts("vfio-bind " VERSION) < 0 ? EXIT_FAILED : EXIT_AS_CONFIGURED;
	default:
		return EXIT_USAGE; /* getopt_long(3) has said what is wrong */
	}
}

static bool is_own(const struct arguments *arguments, int option)
{
	for (size_t i = 0; arguments->own && i < arguments->own_count; i++)
		if (arguments->own[i].val == option)
			return true;
	return false;
}

/* An option of the command's own comes before one of that name which all commands take. */
static void merge(struct option out[OPTIONS_MAX], const struct arguments *arguments)
{
	size_t count = 0;

	for (size_t i = 0; arguments->own && i < arguments->own_count && count < OPTIONS_MAX - 1;
	     i++)
		out[count++] = arguments->own[i];
	for (size_t i = 0; i < ARRAY_SIZE(common) && count < OPTIONS_MAX - 1; i++)
		if (!is_own(arguments, common[i].val))
			out[count++] = common[i];
	out[count] = (struct option){ 0 };
}

static int take_options(struct options *options, const struct arguments *arguments, int argc,
			char *argv[], const char *letters)
{
	static char program[] = "vfio-bind";
	struct option all[OPTIONS_MAX];
	char *command = argv[0];
	int option, code = -1;

	merge(all, arguments);
	optind = 0;        /* getopt_long(3) starts anew */
	argv[0] = program; /* which it has its complaints begin with */
	while (code < 0 && (option = getopt_long(argc, argv, letters, all, NULL)) != -1)
		code = is_own(arguments, option) ?
			       arguments->take(arguments->context, option, optarg) :
			       take_common(options, option);
	argv[0] = command;
	return code;
}

int arguments_take(struct options *options, const struct arguments *arguments, int argc,
		   char *argv[])
{
	int code = take_options(options, arguments, argc, argv, "o:");

	if (code >= 0)
		return code;
	if (argc - optind < arguments->min || argc - optind > arguments->max)
		return complain(EXIT_USAGE, "usage: vfio-bind %s%s%s", argv[0],
				arguments->usage[0] ? " " : "", arguments->usage);
	return -1;
}

int arguments_flag(void *context, int option, const char *value)
{
	(void)option;
	(void)value;
	*(bool *)context = true;
	return -1;
}

int arguments_take_first(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { 0 };

	return take_options(options, &none, argc, argv, "+o:");
}
