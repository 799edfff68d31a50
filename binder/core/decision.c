/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan says once decide() is done with it. */
#include "decision.h"

struct verdict plan_verdict(const struct plan *plan, size_t index)
{
	const struct tally *tally = &plan->tallies[index];

	if (!tally->selected)
		return (struct verdict){ VERDICT_NONE, REASON_NONE, NO_RULE };
	if (tally->keeping)
		return (struct verdict){ VERDICT_KEEP, REASON_RULE, tally->keeping - 1u };
	if (tally->conflict)
		return (struct verdict){ VERDICT_REFUSE, REASON_DRIVER_CONFLICT,
					 tally->letting - 1u };
	if (tally->letting)
		return (struct verdict){ VERDICT_BIND, (enum reason)tally->how,
					 tally->letting - 1u };
	return (struct verdict){ VERDICT_REFUSE, (enum reason)tally->refusal,
				 tally->refusing - 1u };
}

size_t plan_group_shared(const struct plan *plan, const struct inventory *inventory, size_t index,
			 size_t start)
{
	const struct device *devices = inventory->devices;

	for (size_t i = start; i < inventory->count; i++)
		if (i != index && (devices[i].known & FACT_GROUP) &&
		    devices[i].group == devices[index].group && devices[i].group != GROUP_NONE &&
		    !device_is_bridge(&devices[i]) && !devices[i].passthrough &&
		    plan_verdict(plan, i).kind != VERDICT_BIND)
			return i;
	return NO_DEVICE;
}
