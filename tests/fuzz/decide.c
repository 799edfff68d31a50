/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy, a protect file and a machine, as one input with NUL bytes between: what must never be
 * bound is not, and asked twice it is the same. The machine is four bytes a function.
 */
#include "fuzz.h"

#include "guard.h"
#include "path.h"

#include <string.h>

#define FUNCTIONS_MAX 24

static struct policy policy;
static struct protect protect;
static struct inventory inventory;
static struct plan plan;
static struct wants wants;

struct kind {
	uint32_t class;
	uint16_t vendor, device;
};

/* Twins of what people pass on, what goes along with it, and what nobody may have. */
static const struct kind kinds[] = {
	{ 0x060400, 0x8086, 0x1901 }, { 0x030000, 0x10de, 0x2684 }, { 0x040300, 0x10de, 0x22ba },
	{ 0x0c0330, 0x10de, 0x1ad6 }, { 0x010802, 0x144d, 0xa80a }, { 0x020000, 0x8086, 0x1520 },
	{ 0x038000, 0x1002, 0x67df }, { 0x030200, 0x10de, 0x20b0 }, { 0x010601, 0x8086, 0xa282 },
	{ 0x0c0340, 0x8086, 0x15eb }, { 0x060100, 0x8086, 0x7a04 }, { 0x120000, 0x1da3, 0x0001 },
	{ 0x0c8000, 0x10de, 0x1ad7 }, { 0x040300, 0x8086, 0x2668 }, { 0x030000, 0x8086, 0x4680 },
	{ 0x060000, 0x8086, 0x4660 },
};

/* Where a function stands: beside the one before, in the next slot, or below the last bridge. */
static struct address next_address(const struct device *before, unsigned how)
{
	struct address at = before->address;

	if (how == 0 && (at.devfn & 7) < 7)
		at.devfn++;
	else if (how == 1 && at.devfn >> 3 < 0x1f)
		at.devfn = (uint8_t)((at.devfn | 7) + 1);
	else
		at = (struct address){ at.domain, (uint8_t)(at.bus + 1), 0 };
	return at;
}

static void add_function(struct text bytes, uint64_t *parent)
{
	struct device *device = &inventory.devices[inventory.count], *before = device - 1;
	const struct kind *kind = &kinds[bytes.at[0] & 15];
	unsigned bits = (unsigned char)bytes.at[2];

	*device = (struct device){
		.class = kind->class,
		.vendor = kind->vendor,
		.device = kind->device,
		.group = (bytes.at[1] & 15) == 15 ? GROUP_NONE : (unsigned char)bytes.at[1] >> 4,
		.boot_vga = kind->class >> 8 == CLASS_DISPLAY_VGA ? (int8_t)(bits & 1) :
								    BOOT_VGA_NO_FILE,
		.boot_display = bits >> 1 & 1,
		.framebuffer = bits >> 2 & 1,
		.disk_in_use = bits >> 3 & 1,
		.below_function = (bits & 0x70) == 0x70,
		.dsn = bytes.at[3] & 7,
		.header_type = kind->class == 0x060400,
		.known = DEVICE_FACTS,
	};
	strcpy(device->driver, (bits & 0x60) == 0x40 ? "nvme" :
			       (bits & 0x60) == 0x20 ? "vfio-pci" :
						       "");
	device->passthrough = driver_is_passthrough(text_of(device->driver));
	if (inventory.count)
		device->address = next_address(before, (unsigned char)bytes.at[3] >> 6);
	*parent = UINT64_MAX;
	for (size_t i = 0; device->address.bus && i < inventory.count; i++)
		if (inventory.devices[i].class == 0x060400)
			*parent = address_key(inventory.devices[i].address);
	device->root.domain = device->address.domain;
	inventory.count++;
}

static void make_machine(struct text bytes)
{
	uint64_t parents[FUNCTIONS_MAX];

	inventory.count = 0;
	inventory.known = FACT_FRAMEBUFFER | FACT_SLOTS;
	for (; bytes.len >= 4 && inventory.count < FUNCTIONS_MAX; bytes.at += 4, bytes.len -= 4)
		add_function(bytes, &parents[inventory.count]);
	inventory_link(&inventory, parents);
}

/* By the strongest evidence there is, as the page of the policy has it. */
static bool shows_the_picture(const struct device *device)
{
	bool firmware = false;

	for (size_t i = 0; i < inventory.count; i++)
		firmware |= inventory.devices[i].framebuffer ||
			    (inventory.devices[i].boot_display &&
			     device_has_base_class(&inventory.devices[i], CLASS_BASE_DISPLAY));
	if (firmware)
		return device->framebuffer ||
		       (device->boot_display && device_has_base_class(device, CLASS_BASE_DISPLAY));
	return device_class16(device) == CLASS_DISPLAY_VGA && device->boot_vga == 1;
}

/* What no rule may do, and what only a rule that says so. */
static void check_bound(size_t index, const struct rule *rule)
{
	const struct device *device = &inventory.devices[index];
	bool held = device->driver[0] && !device->passthrough, wants_dsn;

	MUST(rule->verb == VERB_BIND);
	MUST(device->class != 0x060400 && device->class != 0x060000);
	MUST(!device->below_function);
	MUST(!(held && device->disk_in_use));
	MUST(device->group != GROUP_NONE || rule->allow & ALLOW_NO_IOMMU);
	MUST(!shows_the_picture(device) || rule->allow & ALLOW_BOOT_DISPLAY);
	MUST(!held || !device_has_base_class(device, CLASS_BASE_DISPLAY) ||
	     rule->allow & ALLOW_BOUND_DISPLAY);
	MUST(rule->allow & ALLOW_HOST_STORAGE ||
	     !protect_find(&protect, &inventory, index, USE_STORAGE, &wants_dsn));
	MUST(rule->allow & ALLOW_HOST_NETWORK ||
	     !protect_find(&protect, &inventory, index, USE_NETWORK, &wants_dsn));
	MUST(rule->allow & ALLOW_HOST_INPUT ||
	     !protect_find(&protect, &inventory, index, USE_INPUT, &wants_dsn));
}

/* A keep rule has the last word. */
static void check_keep(struct decision *decision, size_t index, struct verdict verdict)
{
	for (size_t rule = 0; rule < policy.rule_count; rule++)
		if (policy.rules[rule].verb == VERB_KEEP && rule_selects(decision, rule, index))
			MUST(verdict.kind == VERDICT_KEEP || verdict.kind == VERDICT_NONE);
}

/* The last screen goes only where every rule that takes one says so. */
static void check_screens(void)
{
	bool left = false, unsaid = false;

	for (size_t i = 0; i < inventory.count; i++) {
		const struct device *device = &inventory.devices[i];
		struct verdict verdict = plan_verdict(&plan, i);

		if (!device_is_screen(device) || device->passthrough)
			continue;
		left |= verdict.kind != VERDICT_BIND;
		unsaid |= verdict.kind == VERDICT_BIND &&
			  !(policy.rules[verdict.rule].allow & ALLOW_LAST_DISPLAY);
	}
	MUST(left || !unsaid);
}

static void judge(struct verdict verdicts[FUNCTIONS_MAX])
{
	struct decision decision = {
		.policy = &policy,
		.inventory = &inventory,
		.protect = &protect,
		.plan = &plan,
		.wants = &wants,
	};

	MUST(decide(&decision)); /* every fact is known */
	for (size_t i = 0; i < inventory.count; i++) {
		verdicts[i] = plan_verdict(&plan, i);
		check_keep(&decision, i, verdicts[i]);
		if (verdicts[i].kind == VERDICT_BIND)
			check_bound(i, &policy.rules[verdicts[i].rule]);
	}
	check_screens();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct verdict first[FUNCTIONS_MAX], second[FUNCTIONS_MAX];
	struct text input = { (const char *)data, size }, rules = take_part(&input);

	protect.count = 0;
	protect.unknown = false;
	(void)protect_parse(&protect, take_part(&input));
	if (!input.at || !parse_policy(&policy, rules))
		return 0; /* nothing is bound by it */
	make_machine(input);
	judge(first);
	judge(second);
	for (size_t i = 0; i < inventory.count; i++)
		MUST(first[i].kind == second[i].kind && first[i].reason == second[i].reason &&
		     first[i].rule == second[i].rule);
	return 0;
}
