/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of a policy, as data. */
#ifndef RULE_H
#define RULE_H

#include "address.h"
#include "diag.h"

#define POLICY_BYTES_MAX 65536
#define POLICY_RULES_MAX 256
#define POLICY_LINE_MAX  4096
/* No list can hold more: "03," is the shortest value there is. */
#define POLICY_VALUES_MAX (POLICY_BYTES_MAX / 3 + POLICY_RULES_MAX)

enum verb { VERB_BIND, VERB_KEEP };

enum selector {
	SELECT_ADDRESS,
	SELECT_ID,
	SELECT_SUBSYSTEM,
	SELECT_CLASS,
	SELECT_PATH,
	SELECT_BOOT_VGA,
	SELECT_BOOT_DISPLAY,
	SELECT_PF,
	SELECT_VF,
	SELECT_SLOT,
	SELECT_DSN,
	SELECTORS,
};

/* What goes along with a device that matched. */
enum with { WITH_COMPANIONS, WITH_NONE, WITH_FUNCTIONS, WITH_GROUP };

/* Guards a rule may lift, as bits of rule.allow. */
enum allow {
	ALLOW_NO_IOMMU = 1 << 0,
	ALLOW_BOOT_DISPLAY = 1 << 1,
	ALLOW_HOST_STORAGE = 1 << 2,
	ALLOW_HOST_NETWORK = 1 << 3,
	ALLOW_HOST_INPUT = 1 << 4,
	ALLOW_BOUND_DISPLAY = 1 << 5,
	ALLOW_LAST_DISPLAY = 1 << 6, /* comes with ALLOW_BOOT_DISPLAY */
	ALLOW_HOST = ALLOW_HOST_STORAGE | ALLOW_HOST_NETWORK | ALLOW_HOST_INPUT,
};

struct id_pattern {
	uint16_t vendor, device;
	bool any_vendor, any_device;
};

#define DRIVER_DEFAULT "vfio-pci"
#define DRIVER_AUTO    "auto" /* of each device the variant that was made for it: variant.h */

#define NO_CLASS UINT32_MAX

/* A device's class matches where mask is set, and is not but. */
struct class_pattern {
	uint32_t value, mask, but;
};

/* One value of a selector's list; which member counts, the selector says. */
union value {
	struct {
		struct address at;
		bool any_function;
	} address;
	struct id_pattern id; /* id and subsystem */
	struct class_pattern class;
	uint32_t flag;    /* boot_vga and boot_display: 0 or 1 */
	struct text text; /* path, slot and pf, in the policy's text */
	struct {
		uint16_t first, last;
	} range; /* vf */
	uint64_t dsn;
};

struct values {
	uint16_t first, count; /* in policy.values */
};

struct rule {
	enum verb verb;
	enum with with;
	struct values select[SELECTORS]; /* a selector with no values was not given */
	unsigned given;                  /* a bit for each that was, from SELECT_ADDRESS on */
	struct class_pattern class;      /* no device of another class matches */
	uint32_t count, nth;             /* 0: not given */
	uint16_t vfs;                    /* virtual functions to make, 0: none */
	struct text driver;
	struct text d3cold, reset; /* what is written before the driver has it; empty: nothing */
	unsigned allow;            /* bits of enum allow */
	bool required;
	struct text file; /* where the rule stands */
	unsigned line;
	struct text source; /* its line */
};

struct policy {
	struct rule rules[POLICY_RULES_MAX];
	union value values[POLICY_VALUES_MAX];
	size_t rule_count, value_count;
	bool accept_cmdline;
};

/* What is said of a rule that finds no device. */
static inline const char *rule_does_nothing(const struct rule *rule)
{
	return rule->verb == VERB_KEEP ? "keeps nothing" : "binds nothing";
}

static inline bool rule_has(const struct rule *rule, enum selector selector)
{
	return rule->given >> selector & 1;
}

#endif
