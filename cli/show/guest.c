/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include "base/json.h"
#include "explain.h"
#include "host/read_host.h"
#include "host/what_if.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where functions of one card stand in the guest: on a bus that few guests get to by themselves. */
#define FIRST_BUS 0x0a

const char *guest_word(enum guest_program program)
{
	static const char *const words[] = {
		[GUEST_LIBVIRT] = "libvirt",
		[GUEST_QEMU] = "qemu",
		[GUEST_PROXMOX] = "proxmox",
		[GUEST_INCUS] = "incus",
	};

	return words[program];
}

bool guest_parse(const char *word, enum guest_program *program)
{
	for (*program = 0; *program < GUEST_PROGRAM_COUNT; (*program)++)
		if (!strcmp(guest_word(*program), word))
			return true;
	return false;
}

bool guest_has(const struct guest *guest, size_t index)
{
	const struct plan *plan = &guest->host->judged.plan;
	struct verdict verdict = plan_verdict(plan, index);

	return index == guest->leader ||
	       (verdict.kind == VERDICT_BIND && verdict.reason == REASON_COMPANION &&
		plan->tallies[index].with == guest->leader);
}

/* Where a function stands among those that are handed over. */
struct place {
	size_t slot;       /* the which-th slot of the host's it is in */
	unsigned function; /* its number in the guest */
	bool first, last;  /* of its slot */
};

/* A slot without its function 0 is none to a guest (PCI 3.0, 3.2.2.3.4): then they are numbered. */
static struct place find_place(const struct guest *guest, size_t index)
{
	const struct inventory *inventory = &guest->host->judged.inventory;
	struct address own = inventory->devices[index].address, before = { 0 };
	struct place place = { .first = true, .last = true };
	unsigned lowest = own.devfn & 7, count = 0;

	for (size_t i = 0, handed = 0; i < inventory->count; i++) {
		struct address address = inventory->devices[i].address;

		if (!guest_has(guest, i))
			continue;
		if (i <= index && handed++ && !address_same_slot(before, address))
			place.slot++;
		before = address;
		if (i == index || !address_same_slot(address, own))
			continue;
		place.first &= i > index;
		place.last &= i < index;
		count += i < index;
		if ((address.devfn & 7) < lowest)
			lowest = address.devfn & 7;
	}
	place.function = lowest ? count : own.devfn & 7;
	return place;
}

__attribute__((format(printf, 2, 3))) static void add(struct guest *guest, const char *how, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(line, sizeof(line), how, arguments);
	va_end(arguments);
	(void)json_object_array_add(guest->lines, json_object_new_string(line));
}

/*
 * libvirt: formatdomain, "Host device assignment". Not managed, so that libvirt leaves it with the
 * driver that the boot gave it: else it goes back to the host's when the guest ends.
 */
static void add_libvirt(struct guest *guest, struct address address, const struct place *place)
{
	add(guest, "<hostdev mode='subsystem' type='pci' managed='no'>");
	add(guest, "  <source>");
	add(guest, "    <address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>",
	    address.domain, address.bus, address.devfn >> 3, address.devfn & 7U);
	add(guest, "  </source>");
	if (!place->first || !place->last)
		add(guest,
		    "  <address type='pci' domain='0x0000' bus='0x%02zx' slot='0x00' "
		    "function='0x%x'%s/>",
		    FIRST_BUS + place->slot, place->function,
		    place->function ? "" : " multifunction='on'");
	add(guest, "</hostdev>");
}

/* qemu: docs/pcie.txt. Chassis and slot of a root port are one of a kind: by the host's bus. */
static void add_qemu(struct guest *guest, struct address address, const char *name,
		     const struct place *place)
{
	unsigned slot = address.devfn >> 3;

	if (place->first)
		add(guest, "-device pcie-root-port,id=host%02x.%02x,chassis=%u,slot=%u",
		    address.bus, slot, (address.bus + 127U) % 255 + 1, slot);
	add(guest, "-device vfio-pci,host=%s,bus=host%02x.%02x,addr=00.%u%s", name, address.bus,
	    slot, place->function,
	    place->function || (place->first && place->last) ? "" : ",multifunction=on");
}

/* qm.conf(5): functions of one slot, with ";" between them, are one device of the guest. */
static void add_proxmox(struct guest *guest, size_t index, const struct place *place)
{
	const struct inventory *inventory = &guest->host->judged.inventory;
	struct address own = inventory->devices[index].address;
	char list[8 * (ADDRESS_SIZE + 1)] = "", name[ADDRESS_SIZE];
	size_t len = 0;

	if (!place->first)
		return;
	for (size_t i = index; i < inventory->count; i++) {
		struct address address = inventory->devices[i].address;

		if (!guest_has(guest, i) || !address_same_slot(address, own))
			continue;
		(void)address_format(address, name);
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", len ? ";" : "",
					name);
	}
	add(guest, "hostpci%zu: %s", place->slot, list);
}

static void add_lines(struct guest *guest, size_t index)
{
	struct address address = guest->host->judged.inventory.devices[index].address;
	struct place place = find_place(guest, index);
	char name[ADDRESS_SIZE];

	(void)address_format(address, name);
	switch (guest->program) {
	case GUEST_LIBVIRT:
		add_libvirt(guest, address, &place);
		break;
	case GUEST_QEMU:
		add_qemu(guest, address, name, &place);
		break;
	case GUEST_PROXMOX:
		add_proxmox(guest, index, &place);
		break;
	case GUEST_INCUS: /* incus: reference/devices_pci */
		add(guest, "incus config device add INSTANCE pci-%04x-%02x-%02x-%x pci address=%s",
		    address.domain, address.bus, address.devfn >> 3, address.devfn & 7U, name);
		break;
	case GUEST_PROGRAM_COUNT:
		break;
	}
}

/* VFIO hands out whole groups: linux/Documentation/driver-api/vfio.rst. */
static void warn_of_group(const struct host *host, size_t index)
{
	const struct inventory *inventory = &host->judged.inventory;
	char name[ADDRESS_SIZE], other[ADDRESS_SIZE];
	size_t i = plan_group_shared(&host->judged.plan, inventory, index, 0);

	if (i == NO_DEVICE)
		return;
	(void)address_format(inventory->devices[index].address, name);
	(void)address_format(inventory->devices[i].address, other);
	warn("the IOMMU group of %s has also %s, which the host keeps: no guest can have it before "
	     "that is bound or without a driver",
	     name, other);
}

static void warn_of_stub(const struct host *host, size_t index)
{
	const struct rule *rule =
		&host->judged.policy.rules[plan_verdict(&host->judged.plan, index).rule];
	char name[ADDRESS_SIZE];

	if (!rule->driver.len || !text_is(rule->driver, "pci-stub"))
		return;
	(void)address_format(host->judged.inventory.devices[index].address, name);
	warn("%.*s:%u gives %s to pci-stub, from which no guest can have it: take driver= away",
	     (int)rule->file.len, rule->file.at, rule->line, name);
}

/* Judges as if a rule chose the device. */
static int choose(struct host *host, size_t index)
{
	const struct device *device = &host->judged.inventory.devices[index];
	static char rule[64];
	char name[ADDRESS_SIZE];
	int code;

	(void)address_format(device->address, name);
	(void)snprintf(rule, sizeof(rule), "bind %s id=%04x:%04x", name, device->vendor,
		       device->device);
	if (whatif_add(host, text_of(rule), 0) == NO_RULE)
		return EXIT_USAGE;
	code = host_judge(host, AT_BOOT);
	if (code == EXIT_AS_CONFIGURED &&
	    plan_verdict(&host->judged.plan, index).kind == VERDICT_BIND)
		warn("no rule gives %s to a guest yet: vfio-bind add %s", name, name);
	return code;
}

static int refuse(struct host *host, size_t index)
{
	struct verdict verdict = plan_verdict(&host->judged.plan, index);
	char name[ADDRESS_SIZE], detail[SENTENCE_SIZE];

	(void)address_format(host->judged.inventory.devices[index].address, name);
	if (verdict.kind == VERDICT_KEEP)
		return complain(EXIT_GUARDED, "%s is the host's: %.*s:%u keeps it", name,
				(int)host->judged.policy.rules[verdict.rule].file.len,
				host->judged.policy.rules[verdict.rule].file.at,
				host->judged.policy.rules[verdict.rule].line);
	return complain(EXIT_GUARDED, "%s is the host's: refused (%s): %s", name,
			reason_token(verdict.reason),
			say_guard(host, verdict.reason, index, detail)[0] ?
				detail :
				reason_text(verdict.reason));
}

int guest_lines(struct guest *guest, const char *address)
{
	struct host *host = guest->host;
	struct verdict verdict;
	size_t index;
	int code = host_find(host, address, &index);

	guest->leader = NO_DEVICE;
	if (code == EXIT_AS_CONFIGURED)
		code = host_read_all(host);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	if (plan_verdict(&host->judged.plan, index).kind == VERDICT_NONE)
		code = choose(host, index);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	verdict = plan_verdict(&host->judged.plan, index);
	if (verdict.kind != VERDICT_BIND)
		return refuse(host, index);
	guest->leader =
		verdict.reason == REASON_COMPANION ? host->judged.plan.tallies[index].with : index;
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		if (!guest_has(guest, i))
			continue;
		add_lines(guest, i);
		warn_of_group(host, i);
		warn_of_stub(host, i);
	}
	return EXIT_AS_CONFIGURED;
}
