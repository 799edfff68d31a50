/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmdline_files.h"

#include "words.h"

#include <string.h>
#include <strings.h>

#define SETTING_SIZE 4096

bool cmdline_take_line(void *context, const struct conf_line *line)
{
	const struct cmdline_reading *reading = context;

	return reading->take(reading->context, line, line->text);
}

static bool is_cmdline_key(struct text key)
{
	static const char grub[] = "GRUB_CMDLINE_LINUX";

	return conf_has_word(key, "kernel_cmdline") || conf_has_word(key, "kernelopts") ||
	       (key.len >= sizeof(grub) - 1 && !memcmp(key.at, grub, sizeof(grub) - 1));
}

/* Undoes the quotes of a shell, in out. */
static struct text unquote(struct text value, char out[SETTING_SIZE])
{
	size_t len = 0;
	char quote = '\0';

	for (size_t i = 0; i < value.len && len < SETTING_SIZE; i++) {
		char c = value.at[i];

		if (!quote && (c == '"' || c == '\'')) {
			quote = c;
		} else if (c == quote) {
			quote = '\0';
		} else {
			if (c == '\\' && quote != '\'' && i + 1 < value.len)
				c = value.at[++i];
			out[len++] = c;
		}
	}
	return (struct text){ out, len };
}

bool cmdline_take_setting(void *context, const struct conf_line *line)
{
	const struct cmdline_reading *reading = context;
	struct text value = line->text, key;
	char cmdline[SETTING_SIZE];

	if (!text_cut(&value, '=', &key) || !value.at || !is_cmdline_key(key))
		return true;
	return reading->take(reading->context, line, unquote(value, cmdline));
}

bool cmdline_take_entry(void *context, const struct conf_line *line)
{
	const struct cmdline_reading *reading = context;
	struct text rest = line->text, key;

	if (!word_next(&rest, &key) ||
	    (!text_is(key, "options") &&
	     (key.len != 6 || strncasecmp(key.at, "append", key.len) != 0)))
		return true;
	return reading->take(reading->context, line, rest);
}

void cmdline_files_read(struct machine *machine, cmdline_take take, void *context)
{
	static const char *const lines[] = { "etc/kernel/cmdline", "usr/lib/kernel/cmdline",
					     "etc/cmdline" };
	static const char *const settings[] = { "etc/default/grub", "etc/dracut.conf",
						"boot/grub2/grubenv" };
	static const char *const entries[] = { "boot/loader/entries", "efi/loader/entries",
					       "boot/efi/loader/entries" };
	static const char *const menus[] = { "boot/extlinux/extlinux.conf", "boot/extlinux.conf",
					     "boot/syslinux/syslinux.cfg" };
	static const char *const cmdline_d[] = { "etc/cmdline.d" };
	static const char *const grub_d[] = { "etc/default/grub.d" };
	static const char *const dracut_d[] = { "etc/dracut.conf.d",
						"usr/lib/dracut/dracut.conf.d" };
	struct cmdline_reading reading = { take, context };

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
}
