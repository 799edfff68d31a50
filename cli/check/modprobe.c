/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf_file.h"
#include "base/id_list.h"
#include "base/words.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

/* modprobe.d(5) */
static const char *const modprobe_dirs[] = {
	"etc/modprobe.d",     "run/modprobe.d", "usr/local/lib/modprobe.d",
	"usr/lib/modprobe.d", "lib/modprobe.d",
};

#define LINE_MAX_JOINED 4096

struct modprobe {
	struct findings *findings;
	/* Lines that end with a backslash, up to the one that does not. */
	char joined[LINE_MAX_JOINED];
	size_t joined_len;
	unsigned joined_first, joined_last; /* numbers of the first and last of them */
};

static void check_options(struct modprobe *modprobe, const struct conf_line *line,
			  struct text options)
{
	char place[CONF_PLACE_SIZE], in[CONF_PLACE_SIZE + 8];
	struct text list = kinds_in_options(options);

	if (!list.at)
		return;
	conf_place(line, place);
	(void)snprintf(in, sizeof(in), "in %s", place);
	check_kinds(modprobe->findings, list, line->text, in, place);
}

static void find_line(struct modprobe *modprobe, const struct conf_line *line,
		      enum severity severity, const char *check, const char *what,
		      const char *advice)
{
	char place[CONF_PLACE_SIZE];
	struct finding *finding;

	conf_place(line, place);
	finding = finding_add(modprobe->findings, severity, check, "%s \"%.*s\" %s", place,
			      (int)line->text.len, line->text.at, what);
	finding_set_place(finding, "%s", place);
	finding_advise(finding, "%s", advice);
}

/* A guest's driver that is to be loaded ahead of another, or drags another in with it. */
static void check_softdep(struct modprobe *modprobe, const struct conf_line *line,
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
		find_line(modprobe, line, SEVERITY_WARNING, "softdep",
			  "loads another driver along with vfio-pci, which may take its devices "
			  "first",
			  "remove the line");
	else if (!takes_kinds(module) && taker)
		find_line(modprobe, line, SEVERITY_NOTE, "softdep",
			  "is not needed: devices are bound before that driver is loaded",
			  "remove the line");
}

static void check_blacklist(struct modprobe *modprobe, const struct conf_line *line,
			    struct text module)
{
	char place[CONF_PLACE_SIZE], in[CONF_PLACE_SIZE + 8];

	conf_place(line, place);
	(void)snprintf(in, sizeof(in), "in %s", place);
	check_blacklisted(modprobe->findings, module, line->text, in, place);
}

static void check_line(struct modprobe *modprobe, const struct conf_line *line)
{
	struct text rest = line->text, command, module;

	if (!word_next(&rest, &command) || !word_next(&rest, &module))
		return;
	if (text_is(command, "options") && takes_kinds(module))
		check_options(modprobe, line, rest);
	else if (text_is(command, "blacklist"))
		check_blacklist(modprobe, line, module);
	else if (text_is(command, "softdep"))
		check_softdep(modprobe, line, module, rest);
	else if (text_is(command, "install") && takes_kinds(module))
		find_line(modprobe, line, SEVERITY_WARNING, "install",
			  "runs a program in place of loading it, which may bind other devices",
			  "remove the line; vfio-bind import makes rules of the scripts it knows");
}

static void join_line(struct modprobe *modprobe, struct text text)
{
	if (text.len >= sizeof(modprobe->joined) - modprobe->joined_len)
		text.len = 0; /* longer than any line somebody wrote */
	memcpy(modprobe->joined + modprobe->joined_len, text.at, text.len);
	modprobe->joined_len += text.len;
}

static bool take_line(void *context, const struct conf_line *line)
{
	struct modprobe *modprobe = context;
	struct conf_line whole = *line;

	/* What goes on does so in the very next line, and never in another file. */
	if (line->number != modprobe->joined_last + 1)
		modprobe->joined_len = 0;
	modprobe->joined_last = line->number;
	if (!modprobe->joined_len)
		modprobe->joined_first = line->number;
	if (text_ends(line->text, "\\")) {
		join_line(modprobe, (struct text){ line->text.at, line->text.len - 1 });
		return true;
	}
	if (modprobe->joined_len) {
		join_line(modprobe, line->text);
		whole.text = (struct text){ modprobe->joined, modprobe->joined_len };
		whole.number = modprobe->joined_first;
	}
	check_line(modprobe, &whole);
	modprobe->joined_len = 0;
	return true;
}

void check_modprobe(struct findings *findings)
{
	struct modprobe modprobe = { .findings = findings };
	struct machine *machine = &findings->host->judged.machine;
	int err = conf_read_dirs(machine, modprobe_dirs, ARRAY_SIZE(modprobe_dirs), ".conf",
				 take_line, &modprobe);

	(void)finding_unreadable(findings, "modprobe", machine->failed, err);
}
