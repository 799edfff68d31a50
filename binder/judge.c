/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge.h"

#include "facts.h"

int judge(struct judgement *judged, struct decision *decision)
{
	int err = 0;

	*decision = (struct decision){
		.policy = &judged->policy,
		.inventory = &judged->inventory,
		.protect = &judged->protect,
		.plan = &judged->plan,
		.wants = &judged->wants,
		.steps = judged->steps,
		.only = judged->only,
	};
	while (!err && !decide(decision))
		err = facts_read(&judged->machine, &judged->inventory, &judged->wants,
				 &judged->claims);
	return err;
}
