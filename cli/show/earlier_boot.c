/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "earlier_boot.h"

#include "address.h"
#include "base/arguments.h"
#include "base/child.h"
#include "base/json.h"
#include "base/printable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_SIZE (1 << 20)
#define PREFIX   "vfio-bind: "

/* systemd-pstore.service moves what is in the first into folders of the second. */
static const char *const pstore_dirs[] = { "sys/fs/pstore", "var/lib/systemd/pstore" };

struct earlier_boot {
	struct json_object *devices, *messages;
	size_t lines;
	const char *source; /* "journal" or "pstore" */
	bool refused, failed;
};

static char log_text[LOG_SIZE];

/* Takes the rule "(FILE:LINE)" off the end of a line; of the kernel command line "(cmdline:1)". */
static struct text take_rule(struct text *line)
{
	struct text rule = { line->at, 0 };

	if (!line->len || line->at[line->len - 1] != ')')
		return rule;
	for (size_t i = line->len - 1; i > 1; i--)
		if (line->at[i - 1] == ' ' && line->at[i] == '(' &&
		    (line->at[i + 1] == '/' || line->at[i + 1] == 'c')) {
			rule = (struct text){ line->at + i + 1, line->len - i - 2 };
			line->len = i - 1;
			break;
		}
	return rule;
}

static bool take(struct text *line, const char *begin)
{
	size_t len = strlen(begin);

	if (line->len < len || memcmp(line->at, begin, len) != 0)
		return false;
	*line = (struct text){ line->at + len, line->len - len };
	return true;
}

/* The words behind the address: binder/report.c writes them. Status is NULL for others. */
static const char *take_status(struct text *line)
{
	static const struct {
		const char *begin, *status;
	} words[] = {
		{ "bound to ", "bound" }, { "would be bound to ", "dry-run" },
		{ "kept with ", "kept" }, { "refused: ", "refused" },
		{ "failed: ", "failed" }, { "hung: ", "hung" },
		{ "died: ", "died" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (take(line, words[i].begin))
			return words[i].status;
	return NULL;
}

static struct text detail_of(struct text rule, struct text more, char *out, size_t size)
{
	int len = snprintf(out, size, "%.*s%s%.*s", (int)rule.len, rule.at,
			   rule.len && more.len ? "; " : "", (int)more.len, more.at);

	return (struct text){ out, len > 0 && (size_t)len < size ? (size_t)len : 0 };
}

/* "ADDRESS bound to DRIVER, goes with ADDRESS (FILE:LINE)" and the like; false for another line. */
static bool take_device(struct earlier_boot *boot, struct text line)
{
	char address[ADDRESS_SIZE], detail[512];
	struct text name, rule = take_rule(&line), driver = { line.at, 0 };
	struct json_object *row;
	struct address at;
	const char *status;

	if (!text_cut(&line, ' ', &name) || !address_parse(name, &at))
		return false;
	status = take_status(&line);
	if (!status)
		return false;
	if (!strcmp(status, "bound") || !strcmp(status, "dry-run")) {
		(void)text_cut(&line, ',', &driver);
		(void)take(&line, " ");
	} else if (!strcmp(status, "kept")) {
		line.len = 0;
	}
	boot->refused |= !strcmp(status, "refused");
	boot->failed |=
		!strcmp(status, "failed") || !strcmp(status, "hung") || !strcmp(status, "died");
	(void)address_format(at, address);
	row = json_object_new_object();
	json_add_string(row, "address", address);
	(void)json_object_object_add(row, "driver", driver.len ? json_text(driver) : NULL);
	json_add_string(row, "status", status);
	(void)json_object_object_add(row, "rule", rule.len ? json_text(rule) : NULL);
	json_add_text(row, "detail", detail_of(rule, line, detail, sizeof(detail)));
	(void)json_object_array_add(boot->devices, row);
	return true;
}

static void take_line(struct earlier_boot *boot, struct text line)
{
	boot->lines++;
	if (!take_device(boot, line))
		(void)json_object_array_add(boot->messages, json_text(line));
}

/*
 * True if the journal has that boot, even without a line of ours. journald takes "vfio-bind: " off
 * the line and calls it SYSLOG_IDENTIFIER.
 */
static bool read_journal(struct earlier_boot *boot, const struct options *options,
			 struct machine *machine, unsigned before)
{
	char program[CHILD_PROGRAM_SIZE], offset[16];
	char *argv[] = { (char[]){ "journalctl" },
			 (char[]){ "-b" },
			 offset,
			 (char[]){ "-k" },
			 (char[]){ "-t" },
			 (char[]){ "vfio-bind" },
			 (char[]){ "-o" },
			 (char[]){ "cat" },
			 (char[]){ "-q" },
			 (char[]){ "--no-pager" },
			 NULL };
	struct text rest, line;
	ssize_t len;

	(void)snprintf(offset, sizeof(offset), "-%u", before);
	if (!child_find(machine, "journalctl", program))
		return false;
	len = child_ask(options->root, program, argv, log_text, sizeof(log_text));
	if (len < 0)
		return false;
	boot->source = "journal";
	rest = (struct text){ log_text, (size_t)len };
	while (text_cut(&rest, '\n', &line))
		if (line.len)
			take_line(boot, line);
	return true;
}

/* A record of the kernel: "<6>[    3.141592] vfio-bind: ...". */
static void take_dump(struct earlier_boot *boot, struct text text)
{
	struct text line;

	while (text_cut(&text, '\n', &line)) {
		const char *at =
			line.len ? memmem(line.at, line.len, "] " PREFIX, strlen("] " PREFIX)) :
				   NULL;

		if (!at)
			continue;
		at += strlen("] " PREFIX);
		take_line(boot, (struct text){ at, line.len - (size_t)(at - line.at) });
	}
}

static void read_dumps(struct earlier_boot *boot, struct machine *machine, const char *dir,
		       unsigned depth)
{
	char path[MACHINE_PATH_SIZE];
	struct dir list;
	const char *name;
	ssize_t len;
	int err;

	if (dir_open(machine, dir, &list))
		return;
	while ((name = dir_next(&list, &err))) {
		if (!join(path, sizeof(path), dir, "/", name))
			continue;
		len = machine_read(machine, path, log_text, sizeof(log_text));
		if (len > 0)
			take_dump(boot, (struct text){ log_text, (size_t)len });
		else if (len == -EISDIR && depth)
			read_dumps(boot, machine, path, depth - 1);
	}
	dir_close(&list);
}

static int code_of(const struct earlier_boot *boot)
{
	if (boot->failed)
		return EXIT_FAILED;
	if (boot->refused)
		return EXIT_GUARDED;
	return boot->lines ? EXIT_AS_CONFIGURED : EXIT_NOT_CONFIGURED;
}

static int print(const struct earlier_boot *boot, const struct options *options,
		 const struct table *table)
{
	int code = code_of(boot), printed = EXIT_AS_CONFIGURED;
	struct json_object *object = json_object_new_object();
	bool alone = options->raw || options->columns;

	json_add_string(object, "result", exit_word((enum exit_code)code));
	json_add_string(object, "source", boot->source);
	(void)json_object_object_add(object, "messages", json_object_get(boot->messages));
	(void)json_object_object_add(object, "devices", json_object_get(boot->devices));
	if (options->json) {
		json_print(object);
	} else {
		if (!alone && !boot->lines)
			(void)puts("That boot went without vfio-bind, or had nothing to do.");
		for (size_t i = 0; !alone && i < json_object_array_length(boot->messages); i++)
			(void)puts(json_object_get_string(
				json_object_array_get_idx(boot->messages, i)));
		(void)fflush(stdout); /* libsmartcols writes on its own */
		if (alone || json_object_array_length(boot->devices))
			printed = table_print(table, boot->devices, options);
	}
	(void)json_object_put(object);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

int earlier_boot_print(const struct options *options, const struct table *table, unsigned before)
{
	struct earlier_boot boot = { 0 };
	struct machine machine;
	int code = arguments_open(options, &machine);

	if (code != EXIT_AS_CONFIGURED)
		return code;
	boot.devices = json_object_new_array();
	boot.messages = json_object_new_array();
	if (!read_journal(&boot, options, &machine, before) && before == 1) {
		/* What is there is of the last boot that crashed: it does not say which one. */
		for (size_t i = 0; i < ARRAY_SIZE(pstore_dirs) && !boot.lines; i++)
			read_dumps(&boot, &machine, pstore_dirs[i], 2);
		if (boot.lines)
			boot.source = "pstore";
	}
	if (!boot.source)
		code = complain(EXIT_FAILED,
				"neither the journal nor pstore has the boot %u before this one "
				"(journalctl --list-boots)",
				before);
	else
		code = print(&boot, options, table);
	machine_close(&machine);
	(void)json_object_put(boot.devices);
	(void)json_object_put(boot.messages);
	return code;
}
