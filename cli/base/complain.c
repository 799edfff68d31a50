/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "complain.h"

#include "printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARNINGS_MAX 64

static char *warnings[WARNINGS_MAX];
static size_t warnings_kept, warnings_told;

static char last[4096];

static void (*listening)(const char *message);

const char *exit_word(enum exit_code code)
{
	static const char *const words[] = {
		[EXIT_AS_CONFIGURED] = "as-configured",
		[EXIT_FAILED] = "failed",
		[EXIT_USAGE] = "mistake",
		[EXIT_NO_DEVICE] = "no-device",
		[EXIT_PERMISSION] = "permission",
		[EXIT_GUARDED] = "refused",
		[EXIT_NOT_CONFIGURED] = "not-configured",
		[EXIT_PENDING] = "pending",
		[EXIT_DRIFT] = "drift",
		[EXIT_WARNINGS] = "warnings",
	};

	return words[code];
}

void complain_to(void (*listener)(const char *message))
{
	listening = listener;
}

void warnings_print(void)
{
	for (; warnings_told < warnings_kept; warnings_told++)
		(void)fprintf(stderr, "vfio-bind: warning: %s\n", warnings[warnings_told]);
}

size_t warnings_count(void)
{
	return warnings_kept;
}

void warnings_forget(size_t count)
{
	while (warnings_kept > count && warnings_kept > warnings_told)
		free(warnings[--warnings_kept]);
}

/* Where there is no room for it, it is told at once. */
void warn(const char *how, ...)
{
	char message[4096];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(message, sizeof(message), how, arguments);
	va_end(arguments);
	make_printable(message);
	for (size_t i = 0; i < warnings_kept; i++)
		if (!strcmp(warnings[i], message))
			return;
	if (warnings_kept < WARNINGS_MAX && (warnings[warnings_kept] = strdup(message)))
		warnings_kept++;
	else
		(void)fprintf(stderr, "vfio-bind: warning: %s\n", message);
}

void complained(const char *message)
{
	(void)snprintf(last, sizeof(last), "%s", message);
}

const char *last_complaint(void)
{
	return last;
}

int complain(enum exit_code code, const char *how, ...)
{
	char message[4096];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(message, sizeof(message), how, arguments);
	va_end(arguments);
	make_printable(message); /* a file's name may hold what a terminal obeys */
	if (listening) {
		listening(message);
		return (int)code;
	}
	warnings_print();
	complained(message);
	(void)fprintf(stderr, "vfio-bind: %s\n", message);
	return (int)code;
}
