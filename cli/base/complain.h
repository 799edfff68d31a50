/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How vfio-bind ends, and how it says what went wrong. */
#ifndef COMPLAIN_H
#define COMPLAIN_H

#include <stddef.h>

/* Frozen: what vfio-bind exits with. */
enum exit_code {
	EXIT_AS_CONFIGURED = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2, /* or a mistake in the policy */
	EXIT_NO_DEVICE = 3,
	EXIT_PERMISSION = 4,
	EXIT_GUARDED = 5,
	EXIT_NOT_CONFIGURED = 6,
	EXIT_PENDING = 10,
	EXIT_DRIFT = 11,
	EXIT_WARNINGS = 12,
};

/* Its word in JSON, under "result". */
const char *exit_word(enum exit_code code);

/* "vfio-bind: " and the message to stderr; returns code. */
__attribute__((format(printf, 2, 3))) int complain(enum exit_code code, const char *how, ...);

/* The last complaint, which is why a command stopped: for those who read JSON. */
void complained(const char *message);
const char *last_complaint(void);

/*
 * Keeps a warning until warnings_print() tells it, once however often it is given: what is looked
 * at twice is warned of twice.
 */
__attribute__((format(printf, 1, 2))) void warn(const char *how, ...);

/*
 * "vfio-bind: warning: " and the message to stderr, for each that was not told yet. A complaint
 * has them told before it.
 */
void warnings_print(void);

/* Forgets the warnings that came after the first count: a second look tells nothing new. */
size_t warnings_count(void);
void warnings_forget(size_t count);

/* Sends complaints to listener, without "vfio-bind: ", until it is NULL again. */
void complain_to(void (*listener)(const char *message));

#endif
