/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trial_state.h"

#include "base/digest.h"
#include "base/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ON_TRIAL_FILE  STATE_DIR "/trial"
#define CONFIRMED_FILE STATE_DIR "/trial-confirmed"

static void digest(const struct policy_text *policy, char out[TRIAL_DIGEST_SIZE])
{
	(void)snprintf(out, TRIAL_DIGEST_SIZE, "%016" PRIx64,
		       digest_add(DIGEST_START, policy->buffer, policy->len));
}

/* Returns 0, -ENOENT, or another error, -EINVAL for nonsense. */
static int read_note(struct machine *machine, const char *path, struct trial *trial)
{
	char text[TRIAL_TEXT_SIZE];
	ssize_t len = machine_read(machine, path, text, sizeof(text));

	if (len < 0)
		return (int)len;
	return trial_parse(trial, (struct text){ text, (size_t)len }) ? 0 : -EINVAL;
}

static int write_note(struct machine *machine, const char *path, const struct trial *trial)
{
	char text[TRIAL_TEXT_SIZE];
	size_t len = trial_format(trial, text);

	return state_write(machine, path, (struct text){ text, len }, 0644);
}

static enum trial_stage stage_of(struct machine *machine, const struct trial *trial)
{
	char boot[BOOT_ID_SIZE];

	boot_id_read(machine, boot);
	if (boot[0] && !strcmp(boot, trial->boot))
		return TRIAL_RUNS;
	return trial->boots ? TRIAL_WAITS : TRIAL_HAS_FAILED;
}

void trial_look(struct trial_state *state, struct machine *machine)
{
	bool noted = machine_has(machine, ON_TRIAL_FILE);
	int err = efivars_are_there(machine) ? 0 : -ENODEV;

	*state = (struct trial_state){ 0 };
	if (!err)
		err = trial_read(machine, &state->trial);
	if (!err) {
		state->stage = stage_of(machine, &state->trial);
	} else if (err == -ENOENT && noted) {
		/* The note has what the variable had, except the boots that were counted. */
		state->stage = TRIAL_LOST;
		if (read_note(machine, ON_TRIAL_FILE, &state->trial))
			(void)strcpy(state->trial.policy, "0000000000000000");
	} else if (err != -ENOENT && (noted || err != -ENODEV)) {
		state->stage = TRIAL_UNREADABLE;
	} else if (!read_note(machine, CONFIRMED_FILE, &state->trial)) {
		state->stage = TRIAL_CONFIRMED;
	}
	state->err = err;
}

bool trial_is_off(const struct trial_state *state)
{
	return state->stage == TRIAL_HAS_FAILED || state->stage == TRIAL_UNREADABLE;
}

const char *trial_word(enum trial_stage stage)
{
	static const char *const words[] = {
		[TRIAL_IS_NONE] = "none",      [TRIAL_WAITS] = "waits",
		[TRIAL_RUNS] = "runs",         [TRIAL_CONFIRMED] = "confirmed",
		[TRIAL_HAS_FAILED] = "failed", [TRIAL_UNREADABLE] = "unreadable",
		[TRIAL_LOST] = "lost",
	};

	return words[stage];
}

static const char *say(char out[TRIAL_SENTENCE_SIZE], const struct trial *trial, const char *before,
		       const char *behind)
{
	(void)snprintf(out, TRIAL_SENTENCE_SIZE, "%s, %u boot%s left%s", before, trial->boots,
		       trial->boots == 1 ? "" : "s", behind);
	return out;
}

const char *trial_sentence(const struct trial_state *state, char out[TRIAL_SENTENCE_SIZE])
{
	const struct trial *trial = &state->trial;
	const char *boot = trial->boot[0] ? trial->boot : "of no known id";

	out[0] = '\0';
	switch (state->stage) {
	case TRIAL_IS_NONE:
		break;
	case TRIAL_WAITS:
		return say(out, trial, "The images are on trial",
			   trial->boot[0] ? "; a boot before this one was not confirmed" : "");
	case TRIAL_RUNS:
		return say(out, trial, "This boot is on trial", ": vfio-bind confirm");
	case TRIAL_CONFIRMED:
		(void)snprintf(out, TRIAL_SENTENCE_SIZE, "The trial was confirmed in boot %s",
			       boot);
		break;
	case TRIAL_HAS_FAILED:
		(void)snprintf(out, TRIAL_SENTENCE_SIZE,
			       "The trial failed in boot %s: nothing is bound until the next "
			       "vfio-bind update",
			       boot);
		break;
	case TRIAL_UNREADABLE:
		(void)snprintf(out, TRIAL_SENTENCE_SIZE,
			       "The trial cannot be counted (%s): images on trial bind nothing "
			       "until the next vfio-bind update",
			       state->err == -EINVAL ? "its EFI variable makes no sense" :
			       state->err == -ENODEV ? "there are no EFI variables" :
						       strerror(-state->err));
		break;
	case TRIAL_LOST:
		(void)snprintf(out, TRIAL_SENTENCE_SIZE,
			       "The EFI variable of the trial is gone: the images bind as if it "
			       "had been confirmed");
		break;
	}
	return out;
}

bool trial_for_image(struct machine *machine, const struct policy_text *policy, struct trial *trial)
{
	/* A note that makes no sense is one all the same. */
	if (read_note(machine, ON_TRIAL_FILE, trial))
		*trial = (struct trial){ .boots = 1 };
	trial->boot[0] = '\0';
	digest(policy, trial->policy);
	return machine_has(machine, ON_TRIAL_FILE);
}

int trial_begin(struct machine *machine, uint32_t boots, const struct policy_text *policy)
{
	struct trial trial = { .boots = boots };
	bool there_before;
	int err;

	if (!efivars_are_there(machine))
		return machine_blame(machine, EFIVARS_DIR, -ENODEV);
	digest(policy, trial.policy);
	there_before = machine_has(machine, TRIAL_VARIABLE);
	err = trial_write(machine, &trial, true);
	/* One of a trial that failed keeps its images from binding anything. */
	if (err && !there_before)
		(void)trial_remove_variable(machine);
	if (err)
		return machine_blame(machine, TRIAL_VARIABLE, err);
	err = state_remove(machine, CONFIRMED_FILE);
	return err ? err : write_note(machine, ON_TRIAL_FILE, &trial);
}

int trial_forget(struct machine *machine)
{
	int err = state_remove(machine, ON_TRIAL_FILE);

	return err ? err : state_remove(machine, CONFIRMED_FILE);
}

int trial_remove_variable(struct machine *machine)
{
	if (!efivars_are_there(machine))
		return 0;
	trial_unlock(machine);
	return state_remove(machine, TRIAL_VARIABLE);
}

int trial_confirm(struct machine *machine, const struct trial *trial)
{
	int err = trial_remove_variable(machine);

	if (!err)
		err = write_note(machine, CONFIRMED_FILE, trial);
	return err ? err : state_remove(machine, ON_TRIAL_FILE);
}
