/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind: looks at the machine, checks and explains the policy, builds what boots. */
#include "program.h"

#include "base/arguments.h"
#include "base/json.h"
#include "base/nearest.h"
#include "option.h"
#include "reason.h"
#include "show/row_text.h"
#include "value.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct command {
	const char *name, *arguments, *does;
	int (*run)(struct options *options, int argc, char *argv[]);
	const char *sentence, *example;
} commands[] = {
	{ "list", "[--for PROGRAM ADDRESS]", "devices by IOMMU group, and who has them",
	  command_list,
	  "Shows the devices that can be given away as a tree by IOMMU group: who has each now, "
	  "and\n"
	  "who will have it after the next boot.",
	  "vfio-bind list -o +PATH,DSN" },
	{ "graph", "", "the machine as Graphviz DOT, for dot -Tsvg", command_graph,
	  "Prints how the devices hang together, with their groups and verdicts, as Graphviz DOT.",
	  "vfio-bind graph | dot -Tsvg >machine.svg" },
	{ "status", "[--boot=-N]", "what this boot did, and whether it still holds", command_status,
	  "Says what this boot did with each chosen device, and what holds now.",
	  "vfio-bind status --json" },
	{ "check", "[--strict]", "mistakes, the plan for the next boot, what is in its way",
	  command_check, "Reads the policy, and says what it will do here and what is in its way.",
	  "vfio-bind --machine their-dump.txt check" },
	{ "explain", "ADDRESS", "every rule and guard that touches a device", command_explain,
	  "Says why a device is bound, kept or refused: each rule and guard, in order.",
	  "vfio-bind explain 0000:01:00.0" },
	{ "add", "ADDRESS|/dev/NODE", "a rule for a device, as stable as can be", command_add,
	  "Writes a rule for a device, by its serial number or its place, always with its id.",
	  "vfio-bind add --dry-run /dev/nvme1n1" },
	{ "remove", "ADDRESS|/dev/NODE|FILE:LINE", "takes it away again", command_remove,
	  "Takes away the rules that choose this device and no other, or the rule at a line.",
	  "vfio-bind remove /etc/vfio-bind.conf:3" },
	{ "repair", "[--dry-run]", "rules whose device stands elsewhere now", command_repair,
	  "Points rules to where their device is now, where only one can be meant.",
	  "vfio-bind repair --dry-run" },
	{ "import", "[FILE]", "rules from vfio-pci.ids= and other programs' settings",
	  command_import,
	  "Prints rules for what other programs were told to give away. It writes nothing.",
	  "vfio-bind import" },
	{ "apply", "", "the boot's work on the running host", command_apply,
	  "Does what the boot does, on the running host and under the same guards.",
	  "vfio-bind apply" },
	{ "release", "ADDRESS|/dev/NODE", "gives a device back to the host", command_release,
	  "Gives a device back to the host's own driver. The policy stays as it is.",
	  "vfio-bind release 0000:01:00.0" },
	{ "update", "[--trial[=N]]", "rebuilds the images, and looks at what was made",
	  command_update, "Has the images built by the generator in use, and verifies each.",
	  "vfio-bind update --trial" },
	{ "confirm", "", "ends a trial: what this boot did is good", command_confirm,
	  "Ends the trial that this boot is part of: from now on every boot binds.",
	  "vfio-bind confirm" },
	{ "verify", "[--boot] IMAGE", "whether an image does what /etc says", command_verify,
	  "Reads an image of any generator, and says whether it will do what /etc says.",
	  "vfio-bind verify --boot /boot/initrd.img-6.12.0" },
	{ "fallback", "[--remove]", "a boot entry without vfio-bind", command_fallback,
	  "Makes a second entry of the boot menu, in which nothing is bound: GRUB's, or one of\n"
	  "systemd-boot. It follows the newest kernel, and goes with the package.",
	  "vfio-bind fallback" },
	{ "dump", "", "this machine as text, for a bug report", command_dump,
	  "Prints this machine as text, to attach to a bug report.",
	  "vfio-bind dump >machine.txt" },
	{ "overlay", "--kernel R -o FILE", "what an image needs, as an initrd of its own",
	  command_overlay,
	  "Writes a small archive to append to an image, or to name as a second initrd.",
	  "vfio-bind overlay --kernel 6.12.0 -o /boot/vfio-bind.img" },
	{ "payload", "--kernel RELEASE DIR", "what an image needs, for hooks", command_payload,
	  "Writes what the hook of a generator copies into an image.",
	  "vfio-bind payload --kernel 6.12.0 /tmp/payload" },
};

/* Options of single commands; all of them are in the tables that the commands take them by. */
static const struct {
	const char *name, *value, *does;
} option_words[] = {
	{ "all", "", "bridges and parts of the chipset too" },
	{ "for", " PROGRAM", "the lines that hand a device to a guest of it" },
	{ "strict", "", "exit 12 where there is a warning" },
	{ "dry-run", "", "show what would be written, and write nothing" },
	{ "kernel", " RELEASE", "for that kernel" },
	{ "output", " FILE", "where it goes" },
	{ "remove", "", "take it away again" },
	{ "refresh", "", "only where there is one, as after a kernel came: for hooks" },
	{ "trial", "[=N]", "on probation for one boot, or N" },
	{ "boot", "=-N", "of the boot that many before this one, from its log" },
	{ "boot", "", "boot it in QEMU, and see who has a device first" },
};

/* One that takes a value is another than one of that name that takes none. */
static void print_option(const struct option *own)
{
	char option[32];

	for (size_t i = 0; i < ARRAY_SIZE(option_words); i++) {
		if (strcmp(option_words[i].name, own->name) != 0 ||
		    !option_words[i].value[0] != (own->has_arg == no_argument))
			continue;
		(void)snprintf(option, sizeof(option), "--%s%s", own->name, option_words[i].value);
		(void)printf("  %-20s %s\n", option, option_words[i].does);
	}
}

static void print_options(const struct arguments *arguments)
{
	if (arguments->own_count || arguments->table)
		(void)puts("\nOptions:");
	for (size_t i = 0; i < arguments->own_count; i++)
		print_option(&arguments->own[i]);
	if (!arguments->table)
		return;
	(void)puts("  -o COLUMNS           these columns, with commas; +COLUMNS: these too\n"
		   "  --raw                values with blanks between them, for scripts\n"
		   "  --noheadings         no line of headings\n"
		   "\nColumns:");
	for (size_t i = 0; i < arguments->table->count; i++)
		(void)printf("  %-10s %s\n", arguments->table->columns[i].name,
			     column_words(arguments->table->columns[i].name));
}

static int print_help(const char *name, const struct arguments *arguments)
{
	const struct command *command = NULL;

	for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			command = &commands[i];
	if (!command) {
		(void)puts("usage: vfio-bind [--root DIR | --machine FILE] COMMAND [ARGUMENT...]\n"
			   "\n"
			   "Gives chosen PCI devices to vfio-pci before any other driver sees "
			   "them.\n");
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			(void)printf("  %-8s %-28s %s\n", commands[i].name, commands[i].arguments,
				     commands[i].does);
		(void)puts("\nvfio-bind COMMAND --help says more of each. The policy is "
			   "/etc/vfio-bind.conf:\nsee vfio-bind(8) and vfio-bind.conf(5).");
		return EXIT_AS_CONFIGURED;
	}
	(void)printf("usage: vfio-bind %s%s%s\n\n%s\n", name, arguments->usage[0] ? " " : "",
		     arguments->usage, command->sentence);
	print_options(arguments);
	(void)printf("\nExample:\n  %s\n", command->example);
	return EXIT_AS_CONFIGURED;
}

static int run_command(struct options *options, int argc, char *argv[])
{
	struct nearest nearest;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(options, argc, argv);
	nearest = nearest_to(argv[0]);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		nearest_try(&nearest, commands[i].name);
	if (nearest.found)
		return complain(EXIT_USAGE, "%s: there is no such command: did you mean %s?",
				argv[0], nearest.found);
	return complain(EXIT_USAGE, "%s: there is no such command; see vfio-bind --help", argv[0]);
}

/* A full disk is an error. A reader that closes its pipe early, as head(1) does, is not. */
static int finish(const struct options *options, int code)
{
	bool lost = ferror(stdout) || fflush(stdout);
	struct stat st;

	if (options->json && code != EXIT_AS_CONFIGURED && !json_was_printed()) {
		struct json_object *object = json_object_new_object();

		/* It stopped before it had anything to show: as at a device that is not there. */
		json_add_string(object, "result", exit_word((enum exit_code)code));
		json_add_text(object, "message", text_of(last_complaint()));
		json_print(object);
		(void)json_object_put(object);
	}
	lost |= ferror(stdout) || fflush(stdout);
	warnings_print();
	if (!lost || (!fstat(STDOUT_FILENO, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))))
		return code;
	return complain(EXIT_FAILED, "standard output cannot be written");
}

static void list(const char *kind, const char *(*word)(size_t i))
{
	for (size_t i = 0; word(i); i++)
		(void)printf("%s %s\n", kind, word(i));
}

/* "KIND WORD" lines of the policy, of verdicts, states and exit codes. */
static void list_words(void)
{
	for (enum selector selector = 0; selector < SELECTORS; selector++)
		(void)printf("selector %s\n", selector_key(selector));
	list("class", class_name_at);
	list("rule-option", option_key_at);
	list("with", with_word_at);
	list("allow", allow_word_at);
	for (enum reason reason = REASON_RULE; reason < REASONS; reason++)
		(void)printf("%s %s\n",
			     reason >= GUARD_FIRST && reason <= GUARD_LAST ? "guard" : "reason",
			     reason_token(reason));
	for (enum verdict_kind kind = VERDICT_NONE; kind <= VERDICT_REFUSE; kind++)
		(void)printf("verdict %s\n", verdict_token(kind));
	for (enum device_state state = STATE_HOST; state <= STATE_FOREIGN; state++)
		(void)printf("state %s\n", state_name(state));
	for (int code = 0; code <= EXIT_WARNINGS; code++)
		if (exit_word((enum exit_code)code))
			(void)printf("exit %d %s\n", code, exit_word((enum exit_code)code));
	for (const struct option *option = arguments_common(); option->name; option++)
		(void)printf("common-option %s\n", option->name);
}

/* As options.print_help: what a command takes, "KIND COMMAND WORD". */
static int list_words_of_command(const char *command, const struct arguments *arguments)
{
	(void)printf("command %s\n", command);
	for (size_t i = 0; i < arguments->own_count; i++)
		(void)printf("option %s %s\n", command, arguments->own[i].name);
	for (size_t i = 0; arguments->table && i < arguments->table->count; i++)
		(void)printf("column %s %s\n", command, arguments->table->columns[i].name);
	return EXIT_AS_CONFIGURED;
}

/*
 * Hidden: the words this program knows, for tests that compare them with the manuals. Each command
 * is asked for its help, as its options and columns are known to it alone.
 */
static int print_words(struct options *options)
{
	char help[] = "--help", name[32];
	char *argv[] = { name, help, NULL };

	options->print_help = list_words_of_command;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		(void)snprintf(name, sizeof(name), "%s", commands[i].name);
		(void)commands[i].run(options, 2, argv);
	}
	list_words();
	return finish(options, EXIT_AS_CONFIGURED);
}

int program(int argc, char *argv[])
{
	struct options options = { .root = "/", .print_help = print_help };
	int code;

	if (argc == 2 && !strcmp(argv[1], "--list-words"))
		return print_words(&options);
	code = arguments_take_first(&options, argc, argv);
	if (code >= 0)
		return code;
	if (optind == argc)
		return complain(EXIT_USAGE, "a command is missing; see vfio-bind --help");
	code = run_command(&options, argc - optind, argv + optind);
	return finish(&options, code);
}
