/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "host/trial_state.h"

void check_trial(struct findings *findings)
{
	char sentence[TRIAL_SENTENCE_SIZE];
	struct trial_state state;
	struct finding *finding;

	trial_look(&state, &findings->host->judged.machine);
	if (state.stage == TRIAL_IS_NONE)
		return;
	(void)trial_sentence(&state, sentence);
	finding = finding_add(findings,
			      trial_is_off(&state)      ? SEVERITY_ERROR :
			      state.stage == TRIAL_LOST ? SEVERITY_WARNING :
							  SEVERITY_NOTE,
			      "trial", "%s", sentence);
	if (trial_is_off(&state))
		finding_advise(finding, "correct the policy, and build anew: vfio-bind update "
					"--trial");
	else if (state.stage == TRIAL_CONFIRMED)
		finding_advise(finding, "nothing is left to do");
	else
		finding_advise(finding, "vfio-bind confirm in a boot of it ends it well, "
					"vfio-bind update without --trial in any");
}
