/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of vfio-bind, and what they share. */
#ifndef COMMAND_H
#define COMMAND_H

#include "complain.h"

#include <stdbool.h>
#include <stddef.h>

struct arguments;

/* Options every command takes, before or behind its name: arguments.h. */
struct options {
	const char *root;         /* "/" unless --root */
	const char *machine_file; /* or NULL */
	const char *columns;      /* of a table: -o, or NULL */
	bool json, raw, noheadings;
	/* What --help does: of one command, or with NULL of all. Returns an exit code. */
	int (*print_help)(const char *command, const struct arguments *arguments);
};

/* Each takes its own arguments, argv[0] being its name, and returns an exit code. */
int command_add(struct options *options, int argc, char *argv[]);
int command_apply(struct options *options, int argc, char *argv[]);
int command_check(struct options *options, int argc, char *argv[]);
int command_confirm(struct options *options, int argc, char *argv[]);
int command_dump(struct options *options, int argc, char *argv[]);
int command_explain(struct options *options, int argc, char *argv[]);
int command_fallback(struct options *options, int argc, char *argv[]);
int command_graph(struct options *options, int argc, char *argv[]);
int command_import(struct options *options, int argc, char *argv[]);
int command_list(struct options *options, int argc, char *argv[]);
int command_overlay(struct options *options, int argc, char *argv[]);
int command_payload(struct options *options, int argc, char *argv[]);
int command_release(struct options *options, int argc, char *argv[]);
int command_remove(struct options *options, int argc, char *argv[]);
int command_repair(struct options *options, int argc, char *argv[]);
int command_status(struct options *options, int argc, char *argv[]);
int command_update(struct options *options, int argc, char *argv[]);
int command_verify(struct options *options, int argc, char *argv[]);

#endif
