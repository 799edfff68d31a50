/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reason.h"

static const struct {
	const char *token, *text;
} reasons[REASONS] = {
	[REASON_NONE] = { "-", "no rule selects it" },
	[REASON_RULE] = { "rule", "a rule says so" },
	[REASON_COMPANION] = { "companion", "goes with a device that is bound" },
	[REASON_UNREADABLE] = { "unreadable", "could not be read" },
	[REASON_BRIDGE] = { "bridge", "is a bridge of the host" },
	[REASON_HAS_VFS] = { "has-vfs", "has virtual functions, which unbinding it would destroy" },
	[REASON_BEHIND_VMD] = { "behind-vmd", "sits behind a VMD controller, inseparable from it" },
	[REASON_NO_IOMMU] = { "no-iommu", "is in no IOMMU group; is the IOMMU on?" },
	[REASON_DRIVER_CONFLICT] = { "driver-conflict", "two rules name different drivers" },
	[REASON_AMBIGUOUS_DISPLAY] = { "ambiguous-display", "may be the boot display" },
	[REASON_BOOT_DISPLAY] = { "boot-display", "is the boot display" },
	[REASON_HOST_STORAGE] = { "host-storage", "holds the host's storage" },
	[REASON_HOST_NETWORK] = { "host-network", "carries the host's network" },
	[REASON_HOST_INPUT] = { "host-input", "holds the host's only keyboard" },
	[REASON_HOST_UNKNOWN] = { "host-unknown",
				  "may hold the host's storage: the image does not "
				  "know; name it by address, path or dsn with id=" },
	[REASON_IN_USE] = { "in-use", "a disk on it is in use" },
	[REASON_BOUND_DISPLAY] = { "bound-display", "a display driver already holds it" },
	[REASON_LAST_DISPLAY] = { "last-display", "would leave the host without a screen" },
	[REASON_ABSENT] = { "absent", "nothing there matches" },
	[REASON_MOVED] = { "moved", "another device stands there" },
	[REASON_COUNT] = { "count", "not as many devices as count= says" },
	[REASON_DSN] = { "dsn", "its serial number is found in two slots" },
	[REASON_REQUIRED] = { "required", "is required, and binds nothing" },
};

const char *reason_token(enum reason reason)
{
	return reasons[reason].token;
}

const char *reason_text(enum reason reason)
{
	return reasons[reason].text;
}

const char *verdict_token(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_NONE:
		return "none";
	case VERDICT_BIND:
		return "bind";
	case VERDICT_KEEP:
		return "keep";
	case VERDICT_REFUSE:
		return "refuse";
	}
	return "none";
}
