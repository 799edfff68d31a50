/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell_text.h"

#include "base/words.h"

#include <string.h>

#define BINDER "/usr/lib/vfio-bind/binder"

static bool is_one_of(struct text word, const char *const words[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(word, words[i]))
			return true;
	return false;
}

#define IS_ONE_OF(word, words) is_one_of(word, words, ARRAY_SIZE(words))

/* The length of a command: to the end of the line, or to what separates it from the next. */
static size_t command_len(struct text text)
{
	char quote = '\0';
	size_t at = 0;

	for (; at < text.len && (quote || !strchr("\n;&|()", text.at[at])); at++) {
		char c = text.at[at];

		if (c == '\\' && quote != '\'')
			at++;
		else if (quote && c == quote)
			quote = '\0';
		else if (!quote && (c == '"' || c == '\''))
			quote = c;
		else if (c == '#' && !quote && at && strchr(" \t", text.at[at - 1]))
			break;
	}
	return at < text.len ? at : text.len;
}

/* Takes what separates two commands off the front, and comments. */
static void pass_separators(struct shell_text *shell)
{
	struct text *rest = &shell->rest;
	bool joined = false;

	while (rest->len && strchr(" \t\r\n;&|()#", *rest->at)) {
		const char *end = NULL;
		size_t len = 1;

		if (rest->len > 1 && (!memcmp(rest->at, "&&", 2) || !memcmp(rest->at, "||", 2))) {
			joined = true;
			len = 2;
		} else if (*rest->at == '#') {
			end = memchr(rest->at, '\n', rest->len);
			len = end ? (size_t)(end - rest->at) : rest->len;
		} else if (*rest->at == '(') {
			joined = true; /* in a process of its own, of which nothing is left */
		} else if (*rest->at != ' ' && *rest->at != '\t') {
			shell->chained = false;
		}
		rest->at += len;
		rest->len -= len;
	}
	shell->chained |= joined;
}

/* Takes keywords off the front of a command, and counts what they open. */
static void pass_keywords(struct shell_text *shell, struct text *text)
{
	static const char *const opens[] = { "if", "case", "while", "until", "for", "{" };
	static const char *const closes[] = { "fi", "esac", "done", "}" };
	static const char *const others[] = { "then", "else", "elif", "do", "!" };
	struct text rest = *text, word;

	while (word_next(&rest, &word)) {
		if (IS_ONE_OF(word, opens))
			shell->depth++;
		else if (IS_ONE_OF(word, closes))
			shell->depth -= shell->depth > 0;
		else if (!IS_ONE_OF(word, others))
			break;
		*text = rest;
	}
	while (text->len && strchr(" \t\r", *text->at)) {
		text->at++;
		text->len--;
	}
}

/* True for "()" and blanks, with which a function begins. */
static bool is_function(struct text rest)
{
	size_t at = 0;

	while (at < rest.len && strchr(" \t", rest.at[at]))
		at++;
	if (at == rest.len || rest.at[at++] != '(')
		return false;
	while (at < rest.len && strchr(" \t", rest.at[at]))
		at++;
	return at < rest.len && rest.at[at] == ')';
}

bool shell_next(struct shell_text *shell, struct shell_command *command)
{
	do {
		bool chained;
		size_t len;

		pass_separators(shell);
		if (!shell->rest.len)
			return false;
		chained = shell->chained;
		len = command_len(shell->rest);
		command->text = (struct text){ shell->rest.at, len };
		shell->rest.at += len;
		shell->rest.len -= len;
		command->function = is_function(shell->rest);
		pass_keywords(shell, &command->text);
		command->depth = shell->depth;
		command->certain = !chained;
	} while (!command->text.len);
	return true;
}

static bool mentions(struct text text, const char *what)
{
	return text.len && memmem(text.at, text.len, what, strlen(what));
}

static bool mentions_any(struct text text, const char *const words[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (mentions(text, words[i]))
			return true;
	return false;
}

/* The name of the program a command runs, without its directory. */
static struct text program_of(struct text command)
{
	struct text word = { 0 };
	const char *slash;

	(void)word_next(&command, &word);
	slash = memrchr(word.at, '/', word.len);
	if (slash)
		word = (struct text){ slash + 1, word.len - (size_t)(slash + 1 - word.at) };
	return text_is(word, "busybox") ? program_of(command) : word;
}

static bool loads(struct text command)
{
	static const char *const programs[] = { "modprobe",     "insmod",  "mdev",
						"udevd",        "udevadm", "systemd-udevd",
						"nlplug-findfs" };

	return IS_ONE_OF(program_of(command), programs);
}

/* True for NAME=VALUE, and nothing that is run with it. */
static bool is_assignment(struct text command)
{
	struct text word = { 0 };

	return word_next(&command, &word) && memchr(word.at, '=', word.len) &&
	       (!command.len || memchr(word.at, '"', word.len) || memchr(word.at, '\'', word.len));
}

/* True for what can load no driver. Whatever is not known may. */
static bool is_harmless(struct text command)
{
	static const char *const programs[] = { "mount", "mkdir",  "export", "set", "umask",
						"echo",  "printf", "cat",    "ln",  "mknod",
						"chmod", "[",      "test",   ":",   "true",
						"false", "local" };
	static const char *const suspect[] = { "$(",   "`",    "/sys/", "modprobe", "insmod",
					       "kmod", "mdev", "udev",  "nlplug" };

	if (text_is(program_of(command), "mount"))
		return true;
	return !mentions_any(command, suspect, ARRAY_SIZE(suspect)) &&
	       (IS_ONE_OF(program_of(command), programs) || is_assignment(command));
}

/* What was read of a script so far. */
struct reading {
	struct text by, last;
	bool loads, may_load, prereqs;
};

static bool is_call(struct text command)
{
	struct text word = { 0 };

	(void)word_next(&command, &word);
	return text_ends(word, BINDER);
}

/* True if a command that calls the binder does so in every boot, and waits for its end. */
static bool calls_for_sure(const struct reading *reading, const struct shell_command *command,
			   const struct shell_text *shell, unsigned depth)
{
	struct text rest = command->text, word;
	bool tested =
		mentions(reading->last, BINDER) || mentions(reading->last, "/run/systemd/system");
	bool in_background = shell->rest.len && shell->rest.at[0] == '&' &&
			     (shell->rest.len < 2 || shell->rest.at[1] != '&');

	(void)word_next(&rest, &word);
	while (word_next(&rest, &word))
		if (!memchr(word.at, '>', word.len))
			return false;
	return !in_background && (tested || (command->certain && command->depth == depth));
}

/* Notes what a command does that does not call the binder. False: the script ends here. */
static bool read_command(struct reading *reading, const struct shell_command *command,
			 unsigned depth)
{
	static const char *const ends[] = { "exit", "return", "exec" };
	bool certain = command->certain && command->depth <= depth;

	if (certain)
		reading->prereqs = false;
	/* The scripts of initramfs-tools are asked for what they depend on. */
	reading->prereqs |= mentions(command->text, "prereqs");
	reading->last = command->text;
	if (IS_ONE_OF(program_of(command->text), ends)) {
		if (certain)
			return false;
		if (reading->prereqs)
			return true;
	}
	if (loads(command->text) && certain) {
		reading->loads = true;
		reading->by = command->text;
		return false;
	}
	if (!command->function && !reading->may_load && !is_harmless(command->text)) {
		reading->may_load = true;
		reading->by = command->text;
	}
	return true;
}

/* Goes on to what is in a function; its depth, or 0 where there is none. */
static unsigned find_function(struct shell_text *shell, const char *function)
{
	struct shell_command command;

	while (shell_next(shell, &command))
		if (command.function && text_is(program_of(command.text), function))
			return command.depth + 1;
	return 0;
}

enum script_does script_read(struct text script, const char *function, struct text *by)
{
	struct shell_text shell = { .rest = script };
	struct reading reading = { 0 };
	unsigned depth = function ? find_function(&shell, function) : 0;
	struct shell_command command;

	*by = (struct text){ 0 };
	if (function && !depth)
		return SCRIPT_NEVER;
	while (shell_next(&shell, &command) && command.depth >= depth) {
		if (is_call(command.text)) {
			*by = reading.may_load ? reading.by : command.text;
			return !reading.may_load &&
					       calls_for_sure(&reading, &command, &shell, depth) ?
				       SCRIPT_CALLS :
				       SCRIPT_MAY_BE;
		}
		if (!read_command(&reading, &command, depth))
			break;
	}
	*by = reading.by;
	if (reading.loads)
		return mentions(shell.rest, BINDER) ? SCRIPT_IS_LATE : SCRIPT_LOADS;
	return reading.may_load ? SCRIPT_MAY_LOAD : SCRIPT_NEVER;
}
