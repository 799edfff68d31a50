/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "list_words.h"

#include "option.h"
#include "reason.h"
#include "show/row_text.h"
#include "value.h"

#include <stdio.h>

static void list(const char *kind, const char *(*word)(size_t i))
{
	for (size_t i = 0; word(i); i++)
		(void)printf("%s %s\n", kind, word(i));
}

void list_words(void)
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

int list_words_of_command(const char *command, const struct arguments *arguments)
{
	(void)printf("command %s\n", command);
	for (size_t i = 0; i < arguments->own_count; i++)
		(void)printf("option %s %s\n", command, arguments->own[i].name);
	for (size_t i = 0; arguments->table && i < arguments->table->count; i++)
		(void)printf("column %s %s\n", command, arguments->table->columns[i].name);
	return EXIT_AS_CONFIGURED;
}
