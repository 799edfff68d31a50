/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>

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

int complain(enum exit_code code, const char *how, ...)
{
	char message[4096];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(message, sizeof(message), how, arguments);
	va_end(arguments);
	if (listening)
		listening(message);
	else
		(void)fprintf(stderr, "vfio-bind: %s\n", message);
	return (int)code;
}
