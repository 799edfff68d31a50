/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a decision goes by, and the plan it fills in. */
#ifndef DECISION_H
#define DECISION_H

#include "device.h"
#include "display.h"
#include "policy.h"
#include "protect.h"
#include "reason.h"

#define NO_RULE UINT16_MAX

struct verdict {
	enum verdict_kind kind;
	enum reason reason;
	size_t rule; /* index of the rule that is named, or NO_RULE */
};

/* What the rules said of one device so far; plan_verdict() sums it up. */
struct tally {
	/* Rules by their number, from 1: all zero is a device no rule has anything to do with. */
	uint16_t letting;  /* the first that lets it through */
	uint16_t refusing; /* the first that a guard held back */
	uint16_t keeping;  /* the first keep rule that matches */
	uint16_t with;     /* REASON_COMPANION: the device it goes along with */
	uint8_t how;       /* REASON_RULE or REASON_COMPANION, of letting */
	uint8_t refusal;   /* the guard, of refusing */
	bool selected;
	bool back;     /* a guest's driver has it, and keep or protect want it for the host */
	bool conflict; /* two rules that let it through name different drivers */
	bool awaits;   /* a rule can match virtual functions that it does not have yet */
	uint16_t vfs;  /* awaits: how many it is to have, 0 where no rule says */
};

#define RULE_SCREENS_MAX 8

/* What became of one rule. */
struct rule_result {
	enum reason reason; /* REASON_NONE, or why the rule binds nothing */
	uint32_t matches;   /* devices its selectors match */
	uint16_t stands;    /* REASON_MOVED: the device that stands there now */
	uint16_t candidate; /* REASON_MOVED, REASON_ABSENT: where it may be now, or NO_DEVICE */
	/* REASON_ABSENT: only because nobody knows whether these are the boot display. */
	uint16_t screens[RULE_SCREENS_MAX];
	uint8_t screen_count;
	bool late; /* REASON_ABSENT: a physical function is there that can have what it means */
};

/* Facts that somebody lacks: facts_read() reads those that are not known yet. */
struct wants {
	uint16_t of[DEVICE_MAX]; /* bits of enum fact, of each device */
	unsigned machine;        /* of the whole machine */
	bool any;                /* the decision lacks one of them */
};

struct plan {
	struct tally tallies[DEVICE_MAX];
	struct rule_result results[POLICY_RULES_MAX];
	/* The devices some rule selects, in address order: all others the plan leaves alone. */
	uint16_t selected[DEVICE_MAX];
	size_t selected_count;
};

/* What a decision goes by. Set the first six; the rest is the decision's own. */
struct decision {
	const struct policy *policy;
	const struct inventory *inventory;
	const struct protect *protect;
	struct plan *plan;
	struct wants *wants;
	struct text steps; /* the plan of modules, for driver=auto; empty where there is none */
	size_t only; /* 0: all devices; else the number, from 1, of the one that has come late */
	enum evidence evidence;
	bool evidence_known;
	bool last_display;   /* no screen would be left: the guard of that name is up */
	bool drop_conflicts; /* conflicts are known: what they refuse brings nothing along */
};

struct verdict plan_verdict(const struct plan *plan, size_t index);

/*
 * A host function that shares the bound device's IOMMU group: neither bound, nor a bridge,
 * nor with a guest's driver. Returns the first such at or after start, or NO_DEVICE.
 */
size_t plan_group_shared(const struct plan *plan, const struct inventory *inventory, size_t index,
			 size_t start);

#endif
