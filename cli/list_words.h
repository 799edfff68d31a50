/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hidden: the words this program knows, for tests that compare them with the manuals. */
#ifndef LIST_WORDS_H
#define LIST_WORDS_H

#include "base/arguments.h"

/* Prints "KIND WORD" lines of the policy, of verdicts, states and exit codes. */
void list_words(void);

/* As options.print_help: prints what a command takes, "KIND COMMAND WORD". Returns an exit code. */
int list_words_of_command(const char *command, const struct arguments *arguments);

#endif
