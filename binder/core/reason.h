/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts and their reasons: frozen tokens for programs, and the words for people. */
#ifndef REASON_H
#define REASON_H

enum verdict_kind { VERDICT_NONE, VERDICT_BIND, VERDICT_KEEP, VERDICT_REFUSE };

enum reason {
	REASON_NONE,
	/* Of bind and keep. */
	REASON_RULE,
	REASON_COMPANION,
	/* Of refuse: the guards, in the order they are asked. */
	REASON_UNREADABLE,
	REASON_BRIDGE,
	REASON_HAS_VFS,
	REASON_BEHIND_VMD,
	REASON_NO_IOMMU,
	REASON_DRIVER_CONFLICT,
	REASON_AMBIGUOUS_DISPLAY,
	REASON_BOOT_DISPLAY,
	REASON_HOST_STORAGE,
	REASON_HOST_NETWORK,
	REASON_HOST_INPUT,
	REASON_HOST_UNKNOWN,
	REASON_IN_USE,
	REASON_BOUND_DISPLAY,
	REASON_LAST_DISPLAY,
	/* Of a rule that bound nothing. */
	REASON_ABSENT,
	REASON_MOVED,
	REASON_COUNT,
	REASON_DSN,
	REASON_REQUIRED,
	REASONS,
};

#define GUARD_FIRST REASON_UNREADABLE
#define GUARD_LAST  REASON_LAST_DISPLAY

/* bind, keep, refuse or none. */
const char *verdict_token(enum verdict_kind kind);

/* "-" for REASON_NONE. */
const char *reason_token(enum reason reason);

/* To follow "refused: " or to stand for what became of a rule. */
const char *reason_text(enum reason reason);

#endif
