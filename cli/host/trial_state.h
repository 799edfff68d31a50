/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The trial of `vfio-bind update --trial` as the running host sees it: the EFI variable that counts
 * its boots, and a note below /var/lib/vfio-bind that images built from now on are part of it.
 */
#ifndef TRIAL_STATE_H
#define TRIAL_STATE_H

#include "load.h"
#include "trial.h"

enum trial_stage {
	TRIAL_IS_NONE,
	TRIAL_WAITS,      /* it has boots left, and this is none of it */
	TRIAL_RUNS,       /* this boot is one of it */
	TRIAL_CONFIRMED,  /* it was, by trial.boot */
	TRIAL_HAS_FAILED, /* no boot is left, and trial.boot was the last */
	TRIAL_UNREADABLE, /* err says why: images on trial bind nothing */
	TRIAL_LOST,       /* the variable is gone, and nobody confirmed anything */
};

struct trial_state {
	enum trial_stage stage;
	struct trial trial;
	int err;
};

void trial_look(struct trial_state *state, struct machine *machine);

/* True where images on trial bind nothing. */
bool trial_is_off(const struct trial_state *state);

/* Its frozen word. */
const char *trial_word(enum trial_stage stage);

/* A sentence, and what to do; "" for no trial. */
#define TRIAL_SENTENCE_SIZE 256
const char *trial_sentence(const struct trial_state *state, char out[TRIAL_SENTENCE_SIZE]);

/* What an image that is built now holds; returns false if it is not on trial. */
bool trial_for_image(struct machine *machine, const struct policy_text *policy,
		     struct trial *trial);

/*
 * Begins a trial of that many boots. The variable is there before an image asks for it. Returns 0,
 * -ENODEV without EFI variables, or an error; then there is no trial. Paths that failed are in
 * machine->failed.
 */
int trial_begin(struct machine *machine, uint32_t boots, const struct policy_text *policy);

/* From now on images are built without. Returns 0 or an error. */
int trial_forget(struct machine *machine);

/* Removes the variable; none is fine. Where an image is on trial, that confirms it. */
int trial_remove_variable(struct machine *machine);

/* Removes the variable, and notes that this was confirmed. Returns 0 or an error. */
int trial_confirm(struct machine *machine, const struct trial *trial);

#endif
