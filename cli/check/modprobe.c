/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cmdline_files.h"
#include "base/conf_file.h"
#include "base/id_list.h"
#include "base/words.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

static void check_options(struct findings *findings, const struct conf_line *line,
			  struct text options)
{
	struct text list = kinds_in_options(options);
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	if (list.at)
		check_kinds(findings, list, line->text, place);
}

static void find_line(struct findings *findings, const struct conf_line *line,
		      enum severity severity, const char *check, const char *what,
		      const char *advice)
{
	char place[CONF_PLACE_SIZE];
	struct finding *finding;

	conf_place(line, place);
	finding = finding_add(findings, severity, check, "%s \"%.*s\" %s", place,
			      (int)line->text.len, line->text.at, what);
	finding_set_place(finding, "%s", place);
	finding_advise(finding, "%s", advice);
}

/* A guest's driver that is to be loaded ahead of another, or drags another in with it. */
static void check_softdep(struct findings *findings, const struct conf_line *line,
			  struct text module, struct text rest)
{
	struct text word;
	bool other = false, taker = false;

	while (word_next(&rest, &word))
		if (!text_ends(word, ":")) {
			taker |= takes_kinds(word);
			other |= !takes_kinds(word) &&
				 (word.len < 4 || memcmp(word.at, "vfio", 4) != 0);
		}
	if (takes_kinds(module) && other)
		find_line(findings, line, SEVERITY_WARNING, "softdep",
			  "loads another driver along with vfio-pci, which may take its devices "
			  "first",
			  "remove the line");
	else if (!takes_kinds(module) && taker)
		find_line(findings, line, SEVERITY_NOTE, "softdep",
			  "is not needed: devices are bound before that driver is loaded",
			  "remove the line");
}

static void check_blacklist(struct findings *findings, const struct conf_line *line,
			    struct text module)
{
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	check_blacklisted(findings, module, line->text, place);
}

static bool take_line(void *findings, const struct conf_line *line)
{
	struct text rest = line->text, command, module;

	if (!word_next(&rest, &command) || !word_next(&rest, &module))
		return true;
	if (text_is(command, "options") && takes_kinds(module))
		check_options(findings, line, rest);
	else if (text_is(command, "blacklist"))
		check_blacklist(findings, line, module);
	else if (text_is(command, "softdep"))
		check_softdep(findings, line, module, rest);
	else if (text_is(command, "install") && takes_kinds(module))
		find_line(findings, line, SEVERITY_WARNING, "install",
			  "runs a program in place of loading it, which may bind other devices",
			  "remove the line; vfio-bind import makes rules of the scripts it knows");
	return true;
}

/* initramfs-tools.conf(5): a line of its modules file is a module and its options. */
static bool take_module(void *findings, const struct conf_line *line)
{
	struct text rest = line->text, module;

	if (word_next(&rest, &module) && takes_kinds(module))
		check_options(findings, line, rest);
	return true;
}

static bool take_cmdline(void *findings, const struct conf_line *line, struct text cmdline)
{
	struct cmdline_word word;
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	while (cmdline_next(&cmdline, &word))
		if (word.value.at && is_kinds_parameter(word.name))
			check_kinds(findings, word.value, word.whole, place);
	return true;
}

void check_modprobe(struct findings *findings)
{
	struct machine *machine = &findings->host->judged.machine;
	int err = conf_read_modprobe(machine, take_line, findings);

	(void)finding_unreadable(findings, "modprobe", machine->failed, err);
	(void)conf_read(machine, "etc/initramfs-tools/modules", take_module, findings);
	cmdline_files_read(machine, take_cmdline, findings);
}
