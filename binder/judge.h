/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decides, with the facts that the decision asks for. */
#ifndef JUDGE_H
#define JUDGE_H

#include "judgement.h"

/*
 * Fills in the plan, and the decision it was made by. Disks that were asked about stay claimed.
 * Returns 0 or an error, machine.failed saying at what.
 */
int judge(struct judgement *judged, struct decision *decision);

#endif
