/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modplan.h"

#include "cmdline.h"
#include "device.h"

#include <string.h>

bool modplan_open(struct text *plan, struct text *release)
{
	struct text line, word;

	if (!text_cut(plan, '\n', &line) || !text_is(line, MODPLAN_HEADER))
		return false;
	if (!text_cut(plan, '\n', &line) || !text_cut(&line, ' ', &word) ||
	    !text_is(word, "kernel"))
		return false;
	*release = line;
	return line.at && line.len;
}

static bool is_file_name(struct text name)
{
	return name.len && !memchr(name.at, '/', name.len) && !memchr(name.at, '\0', name.len) &&
	       name.at[0] != '.';
}

int modplan_next(struct text *plan, struct module_step *step)
{
	struct text line, word;

	do {
		if (!text_cut(plan, '\n', &line))
			return 0;
	} while (!line.len);
	*step = (struct module_step){ 0 };
	(void)text_cut(&line, ' ', &word);
	step->builtin = text_is(word, "builtin");
	step->variant = text_is(word, "variant");
	if (!step->builtin && !step->variant && !text_is(word, "load"))
		return -1;
	if (!text_cut(&line, ' ', &step->file) || !is_file_name(step->file))
		return -1;
	if (step->builtin)
		return line.at ? -1 : 1;
	if (step->variant) {
		step->options = line;
		return line.at && driver_is_choice(step->file) ? 1 : -1;
	}
	if (!text_cut(&line, ' ', &word))
		return -1;
	step->required = text_is(word, "required");
	step->options = line.at ? line : (struct text){ word.at, 0 };
	return step->required || text_is(word, "optional") ? 1 : -1;
}

static struct text without_suffix(struct text name)
{
	if (text_ends(name, ".ko"))
		name.len -= 3;
	return name;
}

bool module_name_equal(struct text a, struct text b)
{
	a = without_suffix(a);
	b = without_suffix(b);
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if ((a.at[i] == '-' ? '_' : a.at[i]) != (b.at[i] == '-' ? '_' : b.at[i]))
			return false;
	return true;
}

static void append(struct module_params *params, size_t *len, struct text text)
{
	/* A cut parameter would be another one: rather none of them. */
	if (text.len >= sizeof(params->text) - *len) {
		params->too_long = true;
		return;
	}
	memcpy(params->text + *len, text.at, text.len);
	*len += text.len;
	params->text[*len] = '\0';
}

/*
 * Appends a word from name on as it stood, with the quotes around and in it: put together anew,
 * they could let out a word they held. One that was left open is closed.
 */
static void append_param(struct module_params *params, size_t *len, struct text name,
			 const struct cmdline_word *word)
{
	struct text rest = { name.at, (size_t)(word->whole.at + word->whole.len - name.at) };
	bool open = false;

	if (text_is(name, "ids")) {
		params->ids = word->whole;
		return;
	}
	for (const char *at = word->whole.at; at < name.at; at++)
		open ^= *at == '"'; /* before the word, or within the module's name */
	if (*len)
		append(params, len, text_of(" "));
	if (open)
		append(params, len, text_of("\""));
	for (size_t i = 0; i < rest.len; i++)
		open ^= rest.at[i] == '"';
	append(params, len, rest);
	if (open)
		append(params, len, text_of("\""));
}

void module_params(struct module_params *params, struct text file, struct text options,
		   struct text cmdline)
{
	struct cmdline_word word;
	struct text module;
	size_t len = 0;

	params->text[0] = '\0';
	params->ids = (struct text){ 0 };
	params->too_long = false;
	while (cmdline_next(&options, &word))
		append_param(params, &len, word.name, &word);
	while (cmdline_next(&cmdline, &word)) {
		struct text name = word.name;

		/* A second dot makes it another word: kmod's libkmod-config.c does the same. */
		if (text_cut(&name, '.', &module) && name.at && name.len &&
		    !memchr(name.at, '.', name.len) && module_name_equal(module, file))
			append_param(params, &len, name, &word);
	}
}
