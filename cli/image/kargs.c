/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kargs.h"

#include "base/complain.h"
#include "base/json.h"
#include "cmdline.h"
#include "judgement.h"
#include "line.h"

#include <stdio.h>
#include <string.h>

#define WORD_NAME "rd.vfio_bind.rule"
#define WORD_SIZE (POLICY_LINE_MAX + 64)

/*
 * The rule's words, one blank between them. False for one that cannot be a word: the kernel has no
 * quotes within quotes (linux/lib/cmdline.c:next_arg), and allow=host-... counts in files only.
 */
static bool rule_text(const struct rule *rule, char out[WORD_SIZE])
{
	struct line line = { .at = rule->source.at, .end = rule->source.at + rule->source.len };
	size_t len = 0;

	out[0] = '\0';
	while (find_word(&line)) {
		const char *start = line.at;
		struct word word;

		if (!take_word(&line, &word))
			return false;
		for (size_t i = 0; i < word.value.len; i++)
			if (strchr(" \t", word.value.at[i]))
				return false;
		len += (size_t)snprintf(out + len, WORD_SIZE - len, "%s%.*s", len ? " " : "",
					(int)(line.at - start), start);
	}
	return !(rule->allow & ALLOW_HOST);
}

static bool is_there(struct text cmdline, const char *text)
{
	struct cmdline_word word;

	while (cmdline_next(&cmdline, &word))
		if (cmdline_name_is(word.name, WORD_NAME) && word.value.at &&
		    text_is(word.value, text))
			return true;
	return false;
}

/* Finds what the command line lacks; returns how many rules there are, and of these cannot be words. */
static size_t find_missing(const struct policy *policy, struct text cmdline,
			   struct json_object *missing, size_t *cannot)
{
	size_t count = 0;

	*cannot = 0;
	for (size_t r = 0; r < policy->rule_count; r++) {
		const struct rule *rule = &policy->rules[r];
		char text[WORD_SIZE], word[WORD_SIZE + 32];

		if (memcmp(rule->file.at, "/etc/", 5) != 0)
			continue; /* of the image itself */
		count++;
		if (!rule_text(rule, text)) {
			warn("%.*s:%u cannot stand on the kernel command line", (int)rule->file.len,
			     rule->file.at, rule->line);
			++*cannot;
		} else if (!is_there(cmdline, text)) {
			(void)snprintf(word, sizeof(word), WORD_NAME "=\"%s\"", text);
			(void)json_object_array_add(missing, json_object_new_string(word));
		}
	}
	return count;
}

/* A word of a shell. */
static void print_quoted(const char *text)
{
	(void)putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			(void)fputs("'\\'", stdout);
		(void)putchar(*text);
	}
	(void)putchar('\'');
}

static void print_command(struct json_object *missing, bool with_rpm_ostree)
{
	(void)puts(
		"The image of this system is built elsewhere, without its /etc. To have the rules "
		"on the kernel command line:");
	(void)fputs(with_rpm_ostree ? "rpm-ostree kargs" : "ostree admin kargs edit-in-place",
		    stdout);
	for (size_t i = 0; i < json_object_array_length(missing); i++) {
		(void)fputs(with_rpm_ostree ? " --append=" : " --append-if-missing=", stdout);
		print_quoted(json_object_get_string(json_object_array_get_idx(missing, i)));
	}
	(void)puts(
		"\nThe image heeds them where it was built with vfio-bind and \"accept cmdline\" "
		"in /" VENDOR_DIR ".");
}

int kargs_print(struct machine *machine, const struct policy *policy, bool with_rpm_ostree,
		const struct options *options)
{
	struct json_object *object = json_object_new_object(), *missing = json_object_new_array();
	static char cmdline[CMDLINE_SIZE];
	ssize_t len = load_cmdline(machine, cmdline, sizeof(cmdline));
	size_t cannot,
		count = find_missing(policy, (struct text){ cmdline, len > 0 ? (size_t)len : 0 },
				     missing, &cannot);
	int code = EXIT_AS_CONFIGURED;

	if (json_object_array_length(missing))
		code = EXIT_PENDING;
	if (code == EXIT_PENDING && !options->json)
		print_command(missing, with_rpm_ostree);
	else if (!count)
		code = complain(EXIT_NOT_CONFIGURED, "there is no rule in /etc");
	else if (!cannot && !options->json)
		(void)puts("The kernel command line has the rules of /etc.");
	if (cannot)
		code = EXIT_FAILED;
	json_add_string(object, "result", exit_word((enum exit_code)code));
	json_add_string(object, "generator", "ostree");
	(void)json_object_object_add(object, "images", json_object_new_array());
	(void)json_object_object_add(object, "kargs", missing);
	if (options->json)
		json_print(object);
	(void)json_object_put(object);
	return code;
}
