/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "reset.h"

#include <stdio.h>
#include <string.h>

#define REGIONS_SIZE 4096 /* a page, as sysfs hands it out */

static const struct device *device_at(const struct host *host, size_t index)
{
	return &host->judged.inventory.devices[index];
}

static bool is_bound(const struct host *host, size_t index)
{
	return plan_verdict(&host->judged.plan, index).kind == VERDICT_BIND;
}

static struct finding *find(struct findings *findings, enum severity severity, const char *check,
			    size_t index, const char *what)
{
	char device[DEVICE_TEXT_SIZE];
	struct finding *finding = finding_add(findings, severity, check, "%s %s",
					      device_text(findings->host, index, device), what);

	finding->device = index;
	return finding;
}

/* Lines are "START END TYPE": linux/Documentation/ABI/testing/sysfs-kernel-iommu_groups. */
static bool has_direct_region(struct machine *machine, int group)
{
	char path[MACHINE_PATH_SIZE], regions[REGIONS_SIZE];
	struct text rest, line;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/reserved_regions", group);
	len = machine_read(machine, path, regions, sizeof(regions));
	rest = (struct text){ regions, len > 0 ? (size_t)len : 0 };
	while (text_cut(&rest, '\n', &line))
		if (text_ends(line, " direct"))
			return true;
	return false;
}

/* linux/drivers/iommu/iommu.c: such a device is never given away, unless it is "direct-relaxable". */
static void check_regions(struct findings *findings, size_t index)
{
	struct finding *finding;

	if (!has_direct_region(&findings->host->judged.machine,
			       device_at(findings->host, index)->group))
		return;
	finding =
		find(findings, SEVERITY_WARNING, "reserved-region", index,
		     "has memory reserved by the firmware (RMRR) in its IOMMU group: vfio refuses "
		     "to give it to a guest");
	finding_advise(
		finding,
		"turn off in the firmware's setup what uses it (USB legacy, shared memory of "
		"a management controller), or ask the maker for an update");
}

/* reset_method is there since 5.15, and can be emptied; reset is on all kernels. */
static bool has_reset(struct host *host, size_t index)
{
	struct machine *machine = &host->judged.machine;
	char path[MACHINE_PATH_SIZE], methods[64];
	struct address address = device_at(host, index)->address;
	ssize_t len = machine_read_attribute(machine, pci_path(path, address, "reset_method"),
					     methods, sizeof(methods));

	if (len >= 0)
		return strspn(methods, " \n") < (size_t)len;
	return machine_exists(machine, pci_path(path, address, "reset")) == 1;
}

/* A kernel that has these attributes shows them for some device. */
static bool knows_resets(struct host *host)
{
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		if (has_reset(host, i))
			return true;
	return false;
}

/*
 * What else is on the device's bus and stays with the host: without that vfio resets the whole
 * bus (linux/drivers/vfio/pci/vfio_pci_core.c: vfio_pci_dev_set_resettable), but never a root bus.
 */
static bool bus_is_shared(const struct host *host, size_t index, struct naming *others)
{
	const struct inventory *inventory = &host->judged.inventory;
	const struct device *device = device_at(host, index);

	if (device->above == NO_DEVICE)
		return true;
	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->devices[i].above == device->above && !is_bound(host, i))
			naming_add(others, host, i);
	return others->count;
}

static void check_reset(struct findings *findings, size_t index)
{
	struct host *host = findings->host;
	struct naming others = { 0 };
	struct finding *finding;

	if (has_reset(host, index) || !bus_is_shared(host, index, &others))
		return;
	if (!knows_resets(host)) {
		naming_free(&others);
		return;
	}
	finding = find(findings, SEVERITY_WARNING, "reset", index,
		       "has no reset method: a guest finds it as the one before left it");
	if (others.count)
		finding_advise(
			finding,
			"reboot the host before a second guest has it: a reset of the bus would "
			"also reset %s, which the host keeps",
			others.text);
	else
		finding_advise(finding,
			       "reboot the host before a second guest has it, or look for a "
			       "device-specific reset");
	naming_give(&others, finding);
}

/* reset= names methods that the function does not have: the boot does without them, and goes on. */
static void check_asked_methods(struct findings *findings, size_t index)
{
	struct host *host = findings->host;
	const struct rule *rule =
		&host->judged.policy.rules[plan_verdict(&host->judged.plan, index).rule];
	char path[MACHINE_PATH_SIZE], has[RESET_SIZE], names[RESET_SIZE], device[DEVICE_TEXT_SIZE];
	ssize_t len = machine_read_attribute(
		&host->judged.machine,
		pci_path(path, device_at(host, index)->address, "reset_method"), has, sizeof(has));
	struct finding *finding;
	unsigned missing;

	has[len > 0 ? strcspn(has, "\n") : 0] = '\0';
	missing = rule->reset.len ? reset_missing(rule->reset, text_of(has)) : 0;
	if (!missing)
		return;
	reset_list(rule->reset, ~missing, ',', names);
	finding =
		finding_add(findings, SEVERITY_WARNING, "reset",
			    "%s has %s methods of reset=%.*s (%.*s:%u): what it has is %s",
			    device_text(host, index, device), names[0] ? "not all" : "none of the",
			    (int)rule->reset.len, rule->reset.at, (int)rule->file.len,
			    rule->file.at, rule->line, has[0] ? has : "nothing");
	finding->device = index;
	finding_set_rule(finding, rule);
	finding_advise(finding, "%s%s",
		       names[0] ? "those it has are used: reset=" :
		       has[0]   ? "name methods that it has, or leave reset= out" :
				  "leave reset= out",
		       names);
}

/* The kernel has the file where it was built with ACPI and power management. */
static void check_d3cold(struct findings *findings, size_t index)
{
	struct host *host = findings->host;
	const struct rule *rule =
		&host->judged.policy.rules[plan_verdict(&host->judged.plan, index).rule];
	char path[MACHINE_PATH_SIZE];
	struct finding *finding;

	if (!rule->d3cold.len ||
	    machine_exists(&host->judged.machine,
			   pci_path(path, device_at(host, index)->address, "d3cold_allowed")) != 0)
		return;
	finding = find(findings, SEVERITY_WARNING, "d3cold", index,
		       "has no d3cold_allowed: d3cold= does nothing");
	finding_set_rule(finding, rule);
	finding_advise(finding,
		       "leave d3cold= out; vfio-pci.disable_idle_d3=1 on the kernel command "
		       "line keeps all devices of vfio-pci awake");
}

static void check_framebuffer(struct findings *findings, size_t index)
{
	struct finding *finding;

	if (!device_at(findings->host, index)->framebuffer)
		return;
	finding = find(
		findings, SEVERITY_NOTE, "framebuffer", index,
		"holds the firmware's framebuffer: the console on it freezes once it is bound");
	finding_advise(finding, "have ssh or a serial console; video=efifb:off is not needed");
}

/* True at the first of a group's devices that are bound. */
static bool is_first_of_group(const struct host *host, size_t index)
{
	const struct device *devices = host->judged.inventory.devices;

	for (size_t i = 0; i < index; i++)
		if (devices[i].group == devices[index].group && is_bound(host, i))
			return false;
	return devices[index].group != GROUP_NONE;
}

void check_devices(struct findings *findings)
{
	const struct host *host = findings->host;

	for (size_t i = 0; i < host->judged.plan.selected_count; i++) {
		size_t index = host->judged.plan.selected[i];

		if (!is_bound(host, index))
			continue;
		check_framebuffer(findings, index);
		if (host->from_file)
			continue;
		if (is_first_of_group(host, index))
			check_regions(findings, index);
		check_reset(findings, index);
		check_asked_methods(findings, index);
		check_d3cold(findings, index);
	}
}
