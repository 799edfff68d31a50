/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that firmware, a disk or a user made up, fit for a terminal and for JSON. */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stdbool.h>

/* True for what a terminal obeys instead of showing it, of ASCII. */
bool is_control(char c);

/* Puts "?" in place of control characters and of what is no UTF-8. */
void make_printable(char *text);

#endif
