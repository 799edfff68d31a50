/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine in a few lines of text, for the tables. A line is a function, in address order:
 *
 *	ADDRESS CLASS VVVV:DDDD [WORD...]
 *
 * above=ADDRESS   the bridge it is below        group=N, group=-  its IOMMU group (its own one)
 * sub=VVVV:DDDD   subsystem                     dsn=HEX           serial number
 * driver=NAME     what holds it                 vga=0, vga=1      its boot_vga
 * header=N        header type                   vmd               its root bus is below a VMD
 * fb, drm, disk   holds the framebuffer, has a boot_display of 1, a disk below it is claimed
 *
 * or a slot: "slot NAME DDDD:BB[:DD]".
 */
#ifndef WORLD_H
#define WORLD_H

#include "decide.h"
#include "facts.h"

#include <stdio.h>
#include <string.h>

static struct inventory inventory;
static struct policy policy;
static struct protect protect;
static struct plan plan;
static struct wants lacking;
static uint64_t parents[64];

/* What driver=auto goes by: for cards of NVIDIA's, and more exactly for one of them. */
#define STEPS                                                                                      \
	"variant nv_vfio_pci vfio_pci:v000010DEd*sv*sd*bc03sc*i*\n"                                \
	"variant own_vfio_pci vfio_pci:v000010DEd00001C82sv*sd*bc03sc*i*\n"

#define WORLD                                                                                      \
	{                                                                                          \
		.policy = &policy, .inventory = &inventory, .protect = &protect, .plan = &plan,    \
		.wants = &lacking, .steps = {                                                      \
			STEPS,                                                                     \
			sizeof(STEPS) - 1                                                          \
		}                                                                                  \
	}

static bool word_is(struct text word, const char *key, const char **value)
{
	size_t len = strlen(key);

	if (word.len < len || memcmp(word.at, key, len))
		return false;
	*value = word.at + len;
	return true;
}

static void set_word(struct device *device, uint64_t *parent, struct text word)
{
	const char *value;
	struct text rest;
	struct address address;
	unsigned a, b;

	if (word_is(word, "above=", &value)) {
		rest = (struct text){ value, word.len - 6 };
		assert_true(address_parse(rest, &address));
		*parent = address_key(address);
	} else if (word_is(word, "group=", &value)) {
		device->group = *value == '-' ? GROUP_NONE : atoi(value);
	} else if (word_is(word, "sub=", &value)) {
		assert_int_equal(sscanf(value, "%4x:%4x", &a, &b), 2);
		device->subvendor = (uint16_t)a;
		device->subdevice = (uint16_t)b;
	} else if (word_is(word, "dsn=", &value)) {
		device->dsn = strtoull(value, NULL, 16);
	} else if (word_is(word, "driver=", &value)) {
		snprintf(device->driver, sizeof(device->driver), "%.*s", (int)word.len - 7, value);
		device->passthrough = driver_is_passthrough(text_of(device->driver));
	} else if (word_is(word, "vga=", &value)) {
		device->boot_vga = (int8_t)atoi(value);
	} else if (word_is(word,
			   "vf=", &value)) { /* virtual functions stand behind their physical one */
		device->is_virtual = true;
		device->vf = (uint16_t)atoi(value);
		device->physfn = (uint16_t)(inventory.count - device->vf - 1);
		inventory.devices[device->physfn].has_vfs = true;
	} else if (word_is(word, "sriov=", &value)) {
		assert_int_equal(sscanf(value, "%u:%x", &a, &b), 2);
		device->total_vfs = (uint16_t)a;
		device->vf_device = (uint16_t)b;
	} else if (word_is(word, "header=", &value)) {
		device->header_type = (uint8_t)atoi(value);
	} else {
		device->below_function |= text_is(word, "vmd");
		device->framebuffer |= text_is(word, "fb");
		device->boot_display |= text_is(word, "drm");
		device->disk_in_use |= text_is(word, "disk");
		if (text_is(word, "unreadable"))
			device->unreadable = device->class ? FACT_HEADER : FACT_IDENTITY;
	}
}

static void add_slot(struct text line)
{
	struct slot *slot = &inventory.slots[inventory.slot_count++];
	struct text word;

	text_cut(&line, ' ', &word);
	text_cut(&line, ' ', &word);
	snprintf(slot->name, sizeof(slot->name), "%.*s", (int)word.len, word.at);
	assert_true(slot_parse_address(line, slot));
}

static void add_device(struct text line)
{
	struct device *device = &inventory.devices[inventory.count];
	uint64_t *parent = &parents[inventory.count];
	unsigned class, vendor, id;
	struct text word;

	*parent = UINT64_MAX;
	text_cut(&line, ' ', &word);
	assert_true(address_parse(word, &device->address));
	assert_int_equal(sscanf(line.at, "%6x %4x:%4x", &class, &vendor, &id), 3);
	device->root = device->address;
	device->class = class;
	device->vendor = (uint16_t)vendor;
	device->device = (uint16_t)id;
	device->group = 100 + (int32_t)inventory.count;
	device->boot_vga = BOOT_VGA_NO_FILE;
	device->known = DEVICE_FACTS;
	text_cut(&line, ' ', &word);
	text_cut(&line, ' ', &word);
	while (text_cut(&line, ' ', &word))
		set_word(device, parent, word);
	inventory.count++;
}

static inline void set_machine(const char *machine)
{
	struct text text = text_of(machine), line;

	memset(&inventory, 0, sizeof(inventory));
	inventory.known = FACT_FRAMEBUFFER | FACT_SLOTS;
	while (text_cut(&text, '\n', &line)) {
		if (line.len > 5 && !memcmp(line.at, "slot ", 5))
			add_slot(line);
		else if (line.len)
			add_device(line);
	}
	inventory_link(&inventory, parents);
}

static void note_mistake(struct diag *diag, const struct mistake *mistake)
{
	char *out = *(char **)(void *)(diag + 1);

	sprintf(out + strlen(out), "%s%u:%u", *out ? " " : "", mistake->line, mistake->column);
}

/* A diag and where it writes "LINE:COLUMN LINE:COLUMN". */
struct notes {
	struct diag diag;
	char *out;
};

static inline bool set_policy(const char *text, size_t len, char *mistakes)
{
	struct notes notes = { { note_mistake, 0 }, mistakes };

	*mistakes = '\0';
	memset(&policy, 0, sizeof(policy));
	return policy_parse(&policy, text_of("/p"), (struct text){ text, len }, &notes.diag);
}

/* NULL: no such file. */
static inline void set_protect(const char *lines)
{
	static char text[4096];

	snprintf(text, sizeof(text), PROTECT_HEADER "\n%s", lines ? lines : "unknown");
	memset(&protect, 0, sizeof(protect));
	(void)protect_parse(&protect, text_of(text));
}

/* Without the domain, if that is 0000. */
static inline const char *short_address(struct address address)
{
	static char name[ADDRESS_SIZE];

	address_format(address, name);
	return strncmp(name, "0000:", 5) ? name : name + 5;
}

/* One line a verdict, "ADDRESS VERDICT REASON LINE", and a result of a rule, "LINE REASON". */
static inline void print_plan(char *out)
{
	*out = '\0';
	for (size_t i = 0; i < inventory.count; i++) {
		struct verdict verdict = plan_verdict(&plan, i);

		if (verdict.kind == VERDICT_NONE)
			continue;
		out += sprintf(out, "%s %s %s %u\n", short_address(inventory.devices[i].address),
			       verdict_token(verdict.kind), reason_token(verdict.reason),
			       policy.rules[verdict.rule].line);
	}
	for (size_t r = 0; r < policy.rule_count; r++)
		if (plan.results[r].reason != REASON_NONE)
			out += sprintf(out, "%u %s\n", policy.rules[r].line,
				       reason_token(plan.results[r].reason));
}

#endif
