/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little of printf(3) we use: %s, %.*s, %u, %04x and %%. All of it would be a fifth of
 * what the binder may weigh.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Like snprintf(3), but cuts at the size and returns the length of what is there. */
__attribute__((format(printf, 3, 4))) size_t format(char *out, size_t size, const char *how, ...);
size_t format_list(char *out, size_t size, const char *how, va_list arguments);

#endif
