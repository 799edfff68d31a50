/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What add and remove have in common: their arguments, and how they say what became of it. */
#ifndef EDITING_H
#define EDITING_H

#include "policy_edit.h"

/* How the comment ends that add writes above a rule: remove takes it away with the rule. */
#define ADD_MARK "(vfio-bind add)"

struct editing {
	const struct options *options;
	bool dry_run;
	struct host *host;
	size_t index; /* the device, or NO_DEVICE */
	size_t rule;  /* EDITS_RULES: the rule that was named, or NO_RULE */
	struct change change;
	struct json_object *object; /* all there is to say */
};

/* What a command is told to edit. */
enum edits {
	EDITS_DEVICE, /* an address or a node */
	EDITS_RULES,  /* the same, FILE:LINE, or an address that only a rule names */
	EDITS_ALL,    /* no argument */
};

/*
 * Takes the arguments, reads and judges the machine, finds what is to be edited and calls edit,
 * which returns an exit code; then prints editing->object. Returns the exit code of the command.
 */
int editing_run(struct options *options, int argc, char *argv[], enum edits edits,
		int (*edit)(struct editing *));

/* Writes the change unless it is a dry run, and adds what it shows. Returns an exit code. */
int editing_write(struct editing *editing);

/* Whether the host lives on the device: its storage, network or keyboard are protected. */
bool lives_on(struct host *host, size_t index);

/* Says that it was written, or that it was not in a dry run. */
void editing_say_written(struct editing *editing);

/* Adds something a person should know, for text to stderr. */
__attribute__((format(printf, 2, 3))) void editing_note(struct editing *editing, const char *how,
							...);

/* Adds a sentence for a person, for text to stdout. */
__attribute__((format(printf, 2, 3))) void editing_say(struct editing *editing, const char *how,
						       ...);

#endif
