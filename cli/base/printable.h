/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes text of firmware, of a disk or of a user fit for a terminal and for JSON. */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stdbool.h>

/* True for an ASCII character that a terminal obeys instead of showing it. */
bool is_control(char c);

/* Puts "?" in place of control characters and of what is no UTF-8. */
void make_printable(char *text);

#endif
