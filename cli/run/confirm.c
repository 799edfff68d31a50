/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind confirm: this boot is as it should be, and its trial is over. */
#include "base/arguments.h"
#include "base/complain.h"
#include "base/json.h"
#include "host/trial_state.h"
#include "show/row_json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Whether a trial can be confirmed in this boot. Returns an exit code, having said why not. */
static int may_confirm(const struct trial_state *state)
{
	char sentence[TRIAL_SENTENCE_SIZE];

	switch (state->stage) {
	case TRIAL_IS_NONE:
		return complain(EXIT_NOT_CONFIGURED, "there is no trial");
	case TRIAL_WAITS:
		return complain(EXIT_FAILED,
				"this boot is not one of the trial: confirm it in one that is, or "
				"end it with vfio-bind update");
	case TRIAL_HAS_FAILED:
	case TRIAL_UNREADABLE:
		return complain(EXIT_FAILED, "%s", trial_sentence(state, sentence));
	case TRIAL_RUNS:
	case TRIAL_CONFIRMED:
	case TRIAL_LOST:
		break;
	}
	return EXIT_AS_CONFIGURED;
}

static void print(const struct options *options, const struct trial_state *state, int code)
{
	char sentence[TRIAL_SENTENCE_SIZE];
	struct json_object *object;

	if (!options->json) {
		if (code == EXIT_AS_CONFIGURED)
			(void)puts(trial_sentence(state, sentence));
		return;
	}
	object = json_object_new_object();
	json_add_string(object, "result", exit_word((enum exit_code)code));
	(void)json_object_object_add(object, "trial", trial_json(state));
	json_print(object);
	(void)json_object_put(object);
}

int command_confirm(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "" };
	int code = arguments_take(options, &none, argc, argv), err;
	struct trial_state state;
	struct machine machine;

	if (code < 0)
		code = arguments_need_machine(options, argv[0], "an EFI variable");
	if (code >= 0)
		return code;
	code = arguments_open(options, &machine);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	trial_look(&state, &machine);
	code = may_confirm(&state);
	if (code == EXIT_AS_CONFIGURED && state.stage != TRIAL_CONFIRMED) {
		boot_id_read(&machine, state.trial.boot);
		err = trial_confirm(&machine, &state.trial);
		if (err)
			code = complain(EXIT_FAILED, "/%s: %s", machine.failed, strerror(-err));
		else
			state.stage = TRIAL_CONFIRMED;
	}
	print(options, &state, code);
	machine_close(&machine);
	return code;
}
