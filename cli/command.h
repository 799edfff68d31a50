/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of vfio-bind, and what they share. */
#ifndef COMMAND_H
#define COMMAND_H

#include "../binder/boot.h"

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

/* The same as JSON says it, under "result". */
const char *exit_word(enum exit_code code);

/* Options every command takes, before or behind its name: arguments.h. */
struct options {
	const char *root;         /* "/" unless --root */
	const char *machine_file; /* or NULL */
	const char *columns;      /* of a table: -o, or NULL */
	bool json, raw, noheadings;
};

/* Each takes its own arguments, argv[0] being its name, and returns an exit code. */
int command_add(struct options *options, int argc, char *argv[]);
int command_apply(struct options *options, int argc, char *argv[]);
int command_check(struct options *options, int argc, char *argv[]);
int command_dump(struct options *options, int argc, char *argv[]);
int command_explain(struct options *options, int argc, char *argv[]);
int command_graph(struct options *options, int argc, char *argv[]);
int command_import(struct options *options, int argc, char *argv[]);
int command_list(struct options *options, int argc, char *argv[]);
int command_overlay(struct options *options, int argc, char *argv[]);
int command_payload(struct options *options, int argc, char *argv[]);
int command_release(struct options *options, int argc, char *argv[]);
int command_remove(struct options *options, int argc, char *argv[]);
int command_status(struct options *options, int argc, char *argv[]);
int command_update(struct options *options, int argc, char *argv[]);
int command_verify(struct options *options, int argc, char *argv[]);

/* "vfio-bind: " and the message to stderr; returns code. */
__attribute__((format(printf, 2, 3))) int complain(enum exit_code code, const char *how, ...);

int print_help(void);

#endif
