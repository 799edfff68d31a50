/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INTERRUPTS "proc/interrupts"
#define ACPI       "sys/firmware/acpi/tables"

enum maker { MAKER_UNKNOWN, MAKER_INTEL, MAKER_AMD, MAKER_ARM };

bool iommu_is_on(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++)
		if ((inventory->devices[i].known & FACT_GROUP) &&
		    inventory->devices[i].group != GROUP_NONE)
			return true;
	return !inventory->count;
}

/* linux/arch/x86/kernel/cpu/: c_ident of each maker; Zhaoxin has VT-d, Hygon has AMD-Vi. */
static enum maker maker_of_name(struct text name)
{
	static const struct {
		const char *name;
		enum maker maker;
	} makers[] = {
		{ "GenuineIntel", MAKER_INTEL }, { "CentaurHauls", MAKER_INTEL },
		{ "  Shanghai  ", MAKER_INTEL }, { "AuthenticAMD", MAKER_AMD },
		{ "HygonGenuine", MAKER_AMD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++)
		if (text_is(name, makers[i].name))
			return makers[i].maker;
	return MAKER_UNKNOWN;
}

static enum maker read_cpuinfo(struct machine *machine)
{
	enum maker maker = MAKER_UNKNOWN;
	struct lines lines;
	struct text line, key;
	int err = lines_open(&lines, machine, "proc/cpuinfo");

	if (err)
		return maker;
	/* The first processor stands for all. */
	while (maker == MAKER_UNKNOWN && lines_next(&lines, &line, &err) && line.len) {
		(void)text_cut(&line, ':', &key);
		if (key.len >= 9 && !memcmp(key.at, "vendor_id", 9) && line.len)
			maker = maker_of_name((struct text){ line.at + 1, line.len - 1 });
		else if (key.len >= 15 && !memcmp(key.at, "CPU implementer", 15))
			maker = MAKER_ARM;
	}
	lines_close(&lines);
	return maker;
}

/* A machine file has no CPU, but its host bridge is part of one, or of the chipset made for it. */
static enum maker maker_of_bridge(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];

		if (address_key(device->address) >> 8)
			break;
		if (device->vendor == 0x8086 || device->vendor == 0x1d17)
			return MAKER_INTEL;
		if (device->vendor == 0x1022 || device->vendor == 0x1d94)
			return MAKER_AMD;
	}
	return MAKER_UNKNOWN;
}

static enum maker find_maker(struct host *host)
{
	enum maker maker = MAKER_UNKNOWN;

	if (!host->from_file)
		maker = read_cpuinfo(&host->judged.machine);
	return maker == MAKER_UNKNOWN ? maker_of_bridge(&host->judged.inventory) : maker;
}

/* The first word of the kernel command line that is one of these, or one with at NULL. */
static struct text find_word(const struct host *host, const char *const *words, size_t count)
{
	struct text rest = text_of(host->judged.cmdline);
	struct cmdline_word word;

	while (cmdline_next(&rest, &word))
		for (size_t i = 0; i < count; i++)
			if (text_is(word.whole, words[i]))
				return word.whole;
	return (struct text){ 0 };
}

/* True if the firmware has no such table for the kernel; false also where that is not known. */
static bool lacks_table(struct host *host, const char *name)
{
	char path[MACHINE_PATH_SIZE];

	return !host->from_file && join(path, sizeof(path), ACPI, "/", name) &&
	       machine_exists(&host->judged.machine, ACPI) == 1 &&
	       machine_exists(&host->judged.machine, path) == 0;
}

/* linux/Documentation/admin-guide/kernel-parameters.txt: intel_iommu=, amd_iommu=, iommu= */
static const char *advise_intel(struct host *host)
{
	static const char *const on[] = { "intel_iommu=on" };

	if (find_word(host, on, ARRAY_SIZE(on)).at)
		return "intel_iommu=on is there: turn VT-d on in the firmware's setup, and reboot";
	if (lacks_table(host, "DMAR"))
		return "turn VT-d on in the firmware's setup, add intel_iommu=on to the kernel "
		       "command line, and reboot";
	return "add intel_iommu=on to the kernel command line, with VT-d on in the firmware's "
	       "setup, and reboot";
}

static const char *advise_amd(struct host *host)
{
	if (lacks_table(host, "IVRS"))
		return "turn IOMMU (AMD-Vi) from Auto to Enabled in the firmware's setup, and "
		       "reboot; the kernel needs no option";
	return "with IOMMU (AMD-Vi) on in the firmware's setup the kernel needs no option; where "
	       "it "
	       "stays off all the same, add amd_iommu=force_enable to the kernel command line";
}

/* linux/arch/x86/kernel/cpu/: a hypervisor says by CPUID that it is one. */
static bool is_guest(struct host *host)
{
	struct text line, key;
	struct lines lines;
	bool found = false;
	int err = 0;

	if (host->from_file || lines_open(&lines, &host->judged.machine, "proc/cpuinfo"))
		return false;
	while (!found && lines_next(&lines, &line, &err) && line.len) {
		(void)text_cut(&line, ':', &key);
		while (!found && text_cut(&line, ' ', &key))
			found = text_is(key, "hypervisor");
	}
	lines_close(&lines);
	return found;
}

static const char *advise(struct host *host)
{
	if (is_guest(host))
		return "this is a virtual machine: give it an IOMMU (QEMU: -device intel-iommu or "
		       "amd-iommu; libvirt: <iommu model='intel'/>), and on Intel intel_iommu=on "
		       "on the kernel command line";
	switch (find_maker(host)) {
	case MAKER_INTEL:
		return advise_intel(host);
	case MAKER_AMD:
		return advise_amd(host);
	case MAKER_ARM:
		return "turn the SMMU on in the firmware's setup, and reboot";
	case MAKER_UNKNOWN:
		break;
	}
	return "turn VT-d (Intel: and add intel_iommu=on to the kernel command line) or AMD-Vi on "
	       "in the firmware's setup, and reboot";
}

/* Without a device that is refused for it nothing keeps the policy from being carried out. */
static bool refuses_any(const struct plan *plan)
{
	for (size_t i = 0; i < plan->selected_count; i++) {
		struct verdict verdict = plan_verdict(plan, plan->selected[i]);

		if (verdict.kind == VERDICT_REFUSE && verdict.reason == REASON_NO_IOMMU)
			return true;
	}
	return false;
}

static void say_off(struct findings *findings)
{
	static const char *const off[] = { "intel_iommu=off", "amd_iommu=off", "iommu=off" };
	struct text word = find_word(findings->host, off, ARRAY_SIZE(off));
	enum severity severity =
		refuses_any(&findings->host->judged.plan) ? SEVERITY_ERROR : SEVERITY_WARNING;
	struct finding *finding = finding_add(
		findings, severity, "iommu", "%s: no device can be given to a guest",
		findings->host->from_file ? "the IOMMU is off, or the machine file has no groups" :
					    "the IOMMU is off");

	if (word.at)
		finding_advise(finding, "remove \"%.*s\" from the kernel command line, and reboot",
			       (int)word.len, word.at);
	else
		finding_advise(finding, "%s", advise(findings->host));
}

/*
 * 1 if interrupts go through the IOMMU's table, 0 if none does, or an error. The names of their
 * chips then begin so: linux/arch/x86/kernel/apic/io_apic.c, drivers/iommu/.
 */
static int interrupts_are_remapped(struct machine *machine)
{
	static const char mark[] = " IR-";
	struct lines lines;
	struct text line;
	int err = lines_open(&lines, machine, INTERRUPTS);
	bool found = false;

	if (err)
		return err;
	while (!found && lines_next(&lines, &line, &err))
		found = memmem(line.at, line.len, mark, sizeof(mark) - 1);
	lines_close(&lines);
	return found ? 1 : err;
}

/* vfio takes devices all the same once it is told so: linux/drivers/vfio/vfio_iommu_type1.c */
static bool allows_unsafe(struct machine *machine)
{
	char value[8];

	return machine_read(machine,
			    "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", value,
			    sizeof(value)) > 0 &&
	       value[0] == 'Y';
}

static void say_not_remapped(struct findings *findings)
{
	static const char *const off[] = { "intremap=off", "nointremap" };
	struct host *host = findings->host;
	struct text word = find_word(host, off, ARRAY_SIZE(off));
	bool unsafe = allows_unsafe(&host->judged.machine);
	struct finding *finding = finding_add(findings, unsafe ? SEVERITY_NOTE : SEVERITY_WARNING,
					      "interrupts", "interrupt remapping is off: %s",
					      unsafe ? "a guest can forge interrupts, which "
						       "allow_unsafe_interrupts=1 permits" :
						       "vfio refuses to give devices to a guest");

	if (word.at)
		finding_advise(finding, "remove \"%.*s\" from the kernel command line, and reboot",
			       (int)word.len, word.at);
	else
		finding_advise(
			finding,
			"turn it on in the firmware's setup (x2APIC, interrupt remapping); or "
			"trust the guest: options vfio_iommu_type1 "
			"allow_unsafe_interrupts=1");
}

static void check_interrupts(struct findings *findings)
{
	struct host *host = findings->host;
	enum maker maker = find_maker(host);
	int remapped;

	if (host->from_file || maker == MAKER_ARM)
		return;
	remapped = interrupts_are_remapped(&host->judged.machine);
	if (!remapped)
		say_not_remapped(findings);
	else if (remapped < 0)
		(void)finding_unreadable(findings, "interrupts", INTERRUPTS, remapped);
}

void check_iommu(struct findings *findings)
{
	if (iommu_is_on(&findings->host->judged.inventory))
		check_interrupts(findings);
	else
		say_off(findings);
}
