/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>

const char *finding_word(enum finding_kind kind)
{
	static const char *const words[] = {
		[FOUND_RIGHT] = "right",       [FOUND_UNPROVEN] = "unproven",
		[FOUND_CHANGED] = "changed",   [FOUND_UNKNOWN] = "unknown",
		[FOUND_OUTDATED] = "outdated", [FOUND_MISSING] = "missing",
		[FOUND_WRONG] = "wrong",
	};

	return words[kind];
}

void order_say(struct image_order *order, enum finding_kind kind, const char *how, ...)
{
	va_list arguments;

	order->kind = kind;
	va_start(arguments, how);
	(void)vsnprintf(order->detail, sizeof(order->detail), how, arguments);
	va_end(arguments);
}
