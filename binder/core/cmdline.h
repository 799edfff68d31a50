/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our words on the kernel command line. Part of the core. Words end at a blank, double quotes
 * keep blanks in (linux/lib/cmdline.c:next_arg), "--" ends what is meant for the kernel, and
 * "-" and "_" are the same in a name.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include "policy.h"

enum mode { MODE_ON, MODE_DRY_RUN, MODE_OFF };

/* Half of the 30 seconds after which initramfs-tools gives up: the rest is for the drive. */
#define UNDO_SECONDS     15
#define UNDO_SECONDS_MAX 86400

struct words {
	enum mode mode;
	struct text decided_by;   /* the word that set the mode, empty if none did */
	bool unknown_value;       /* it has a value nobody knows, and so counts as off */
	struct text unknown_word; /* a word of ours that nobody knows, empty if none is there */
	struct text ignored;      /* one that adds rules, without accept cmdline, or empty */
	struct text init;         /* rd.vfio_bind.init=, or empty */
	uint32_t undo;            /* rd.vfio_bind.undo=: seconds without a root device; 0: never */
	bool root;                /* root= is there, so somebody will look for one */
};

/* Takes a word off the front of rest: name=value, or a name and a value that is not there. */
struct cmdline_word {
	struct text whole, name, value; /* value.at is NULL without "=" */
};

bool cmdline_next(struct text *rest, struct cmdline_word *word);

/* True if the name is this one, "-" and "_" being the same. */
bool cmdline_name_is(struct text name, const char *wanted);

/* Finds our words. */
void cmdline_read(struct text cmdline, struct words *words);

/*
 * Adds the rules on the command line to a policy. Reports mistakes to diag and returns false
 * if there was one; sets words->ignored.
 */
bool cmdline_rules(struct text cmdline, struct words *words, struct policy *policy,
		   struct diag *diag);

#endif
