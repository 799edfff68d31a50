/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmdline_files.h"

#include "words.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool cmdline_take_line(void *context, const struct conf_line *line)
{
	const struct cmdline_reading *reading = context;

	return reading->take(reading->context, line, line->text);
}

static bool is_cmdline_key(struct text key)
{
	static const char *const variables[] = { "GRUB_CMDLINE_LINUX", "KERNEL_CMDLINE[" };

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (key.len >= strlen(variables[i]) &&
		    !memcmp(key.at, variables[i], strlen(variables[i])))
			return true;
	return conf_has_word(key, "kernel_cmdline") || conf_has_word(key, "kernelopts") ||
	       text_is(key, "Cmdline");
}

/*
 * Undoes the quotes of a shell, behind what the lines before have left. Returns true if the value
 * goes on in the next line: a quote is open, or a backslash ends this one.
 */
static bool unquote(struct cmdline_reading *reading, struct text value)
{
	for (size_t i = 0; i < value.len && reading->len < sizeof(reading->cmdline); i++) {
		char c = value.at[i];

		if (!reading->quote && (c == '"' || c == '\'')) {
			reading->quote = c;
		} else if (c == reading->quote) {
			reading->quote = '\0';
		} else {
			if (c == '\\' && reading->quote != '\'' && ++i == value.len)
				return true;
			reading->cmdline[reading->len++] = value.at[i];
		}
	}
	if (reading->quote && reading->len < sizeof(reading->cmdline))
		reading->cmdline[reading->len++] = ' '; /* the end of the line */
	return reading->quote;
}

bool cmdline_take_setting(void *context, const struct conf_line *line)
{
	struct cmdline_reading *reading = context;
	struct text value = line->text, key;
	struct conf_line first = *line;

	if (reading->first && !strcmp(reading->path, line->path)) {
		first.number = reading->first;
	} else {
		reading->len = 0;
		reading->quote = '\0';
		reading->first = 0;
		if (!text_cut(&value, '=', &key) || !value.at || !is_cmdline_key(key))
			return true;
	}
	if (unquote(reading, value)) {
		(void)snprintf(reading->path, sizeof(reading->path), "%s", line->path);
		reading->first = first.number;
		return true;
	}
	reading->first = 0;
	return reading->take(reading->context, &first,
			     (struct text){ reading->cmdline, reading->len });
}

/* A value without its quotes, if they are around all of it. */
static struct text inside(struct text value)
{
	const char *end = value.len ? memchr(value.at + 1, '"', value.len - 1) : NULL;

	if (!end || *value.at != '"' || end != value.at + value.len - 1)
		return value;
	return (struct text){ value.at + 1, value.len - 2 };
}

bool cmdline_entry_key(struct text key, const char *name)
{
	return key.len == strlen(name) && !strncasecmp(key.at, name, key.len);
}

bool cmdline_grub_key(struct text key, const char *name)
{
	size_t len = strlen(name);
	struct text rest = { key.at + len, key.len - len };

	return key.len >= len && !memcmp(key.at, name, len) &&
	       (!rest.len || text_is(rest, "efi") || text_is(rest, "16"));
}

bool cmdline_take_entry(void *context, const struct conf_line *line)
{
	static const char *const keys[] = { "options", "append", "cmdline:", "kernel_cmdline:" };
	const struct cmdline_reading *reading = context;
	struct text rest = line->text, key, path;

	if (!word_next(&rest, &key))
		return true;
	while (rest.len && (*rest.at == ' ' || *rest.at == '\t')) {
		rest.at++;
		rest.len--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (cmdline_entry_key(key, keys[i]))
			return reading->take(reading->context, line, inside(rest));
	if (cmdline_grub_key(key, "linux") && word_next(&rest, &path))
		return reading->take(reading->context, line, rest);
	return true;
}

/* "TITLE" "COMMAND LINE" */
static bool take_refind(void *context, const struct conf_line *line)
{
	const struct cmdline_reading *reading = context;
	struct text rest = line->text, piece = { 0 };

	/* Up to the first quote, the title, between them, and what is asked for. */
	for (unsigned pieces = 0; pieces < 4; pieces++)
		if (!text_cut(&rest, '"', &piece))
			return true;
	return reading->take(reading->context, line, piece);
}

void cmdline_files_read(struct machine *machine, cmdline_take take, void *context)
{
	static const char *const lines[] = { "etc/kernel/cmdline", "usr/lib/kernel/cmdline",
					     "etc/cmdline" };
	static const char *const settings[] = { "etc/default/grub",    "etc/dracut.conf",
						"boot/grub2/grubenv",  "etc/default/limine",
						"etc/kernel/uki.conf", "etc/systemd/ukify.conf" };
	static const char *const entries[] = { "boot/loader/entries", "efi/loader/entries",
					       "boot/efi/loader/entries" };
	static const char *const menus[] = {
		"boot/extlinux/extlinux.conf", "boot/extlinux.conf",
		"boot/syslinux/syslinux.cfg",  "boot/limine.conf",
		"boot/limine/limine.conf",     "boot/EFI/limine/limine.conf",
		"boot/efi/limine.conf",        "efi/limine.conf",
		"boot/EFI/refind/refind.conf", "boot/efi/EFI/refind/refind.conf",
		"efi/EFI/refind/refind.conf",  "etc/grub.d/40_custom",
		"boot/grub/custom.cfg",        "boot/grub2/custom.cfg",
	};
	static const char *const cmdline_d[] = { "etc/cmdline.d" };
	static const char *const grub_d[] = { "etc/default/grub.d" };
	static const char *const dracut_d[] = { "etc/dracut.conf.d",
						"usr/lib/dracut/dracut.conf.d" };
	struct cmdline_reading reading = { .take = take, .context = context };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		(void)conf_read(machine, lines[i], cmdline_take_line, &reading);
	(void)conf_read_dirs(machine, cmdline_d, 1, ".conf", cmdline_take_line, &reading);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		(void)conf_read(machine, settings[i], cmdline_take_setting, &reading);
	(void)conf_read_dirs(machine, grub_d, 1, ".cfg", cmdline_take_setting, &reading);
	(void)conf_read_dirs(machine, dracut_d, ARRAY_SIZE(dracut_d), ".conf", cmdline_take_setting,
			     &reading);
	(void)conf_read_dirs(machine, entries, ARRAY_SIZE(entries), ".conf", cmdline_take_entry,
			     &reading);
	for (size_t i = 0; i < ARRAY_SIZE(menus); i++)
		(void)conf_read(machine, menus[i], cmdline_take_entry, &reading);
	(void)conf_read(machine, "boot/refind_linux.conf", take_refind, &reading);
}
