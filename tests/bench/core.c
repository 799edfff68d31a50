/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core FUNCTIONS: how many nanoseconds the core takes, from the text of a policy to a verdict for
 * each function of a machine with cards, drives and buses full of network cards. Nothing is read.
 */
#include "decide.h"
#include "guard.h"
#include "path.h"
#include "policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONG_ENOUGH 300000000 /* nanoseconds, for a processor to get up to speed */

static const char rules[] = "bind display boot_display=0\n"
			    "bind nvme path=0000:03/00.0 id=144d:a80a\n"
			    "bind network dsn=00-00-00-00-00-00-02-01\n"
			    "bind id=8086:154c address=0000:07:00.*\n"
			    "keep network subsystem=8086:0001\n";

static struct inventory inventory;
static struct policy policy;
static struct protect protect;
static struct plan plan;
static struct wants wants;

static struct device make_device(size_t index)
{
	static const uint32_t classes[] = { 0x030000, 0x040300, 0x010802, 0x020000 };
	static const uint16_t ids[][2] = {
		{ 0x10de, 0x2684 }, { 0x10de, 0x22ba }, { 0x144d, 0xa80a }, { 0x8086, 0x154c }
	};
	/* The first buses have a card or a drive; all others are full of virtual functions. */
	size_t bus = index < 4 ? index / 2 : index < 8 ? index - 2 : 8 + (index - 8) / 256;
	size_t devfn = index < 4 ? index % 2 : index < 8 ? 0 : (index - 8) % 256;
	size_t kind = index < 4 ? index % 2 : index < 6 ? 2 : 3;

	return (struct device){
		.address = { (uint32_t)(bus >> 8), (uint8_t)bus, (uint8_t)devfn },
		.root = { (uint32_t)(bus >> 8), (uint8_t)bus, 0 },
		.class = classes[kind],
		.vendor = ids[kind][0],
		.device = ids[kind][1],
		.subvendor = 0x8086,
		.subdevice = kind == 3 ? (uint16_t)(index % 7) : 0,
		.above = NO_DEVICE,
		.group = (int32_t)index,
		.dsn = kind == 3 ? index : 0,
		.boot_vga = kind ? BOOT_VGA_NO_FILE : index == 0,
		.known = DEVICE_FACTS,
	};
}

static void make_machine(size_t count)
{
	for (size_t i = 0; i < count; i++)
		inventory.devices[i] = make_device(i);
	inventory.count = count;
	inventory.known = FACT_FRAMEBUFFER | FACT_SLOTS;
	protect.unknown = true;
}

static void give_up(struct diag *diag, const struct mistake *mistake)
{
	(void)diag;
	(void)fprintf(stderr, "%u:%u: expected %s\n", mistake->line, mistake->column,
		      mistake->expected);
	exit(1);
}

/* Returns how many functions are bound. */
static size_t judge(void)
{
	struct diag diag = { .emit = give_up };
	struct decision decision = {
		.policy = &policy,
		.inventory = &inventory,
		.protect = &protect,
		.plan = &plan,
		.wants = &wants,
	};
	size_t bound = 0;

	policy.rule_count = policy.value_count = 0;
	memset(policy.rules, 0, sizeof(policy.rules));
	(void)policy_parse(&policy, text_of("policy"), text_of(rules), &diag);
	if (!decide(&decision))
		exit(1); /* every fact is known */
	for (size_t i = 0; i < inventory.count; i++)
		bound += plan_verdict(&plan, i).kind == VERDICT_BIND;
	return bound;
}

static long long now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char *argv[])
{
	size_t count = argc == 2 ? (size_t)atol(argv[1]) : 0;
	long long least = LONG_ENOUGH, all = 0;

	if (count < 8 || count > DEVICE_MAX)
		return 1;
	make_machine(count);
	while (all < LONG_ENOUGH) {
		long long start = now(), took;

		if (judge() < 4) /* a card of two functions, a drive, a network card */
			return 1;
		took = now() - start;
		least = took < least ? took : least;
		all += took;
	}
	printf("%lld\n", least);
	return 0;
}
