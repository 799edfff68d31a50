/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf_file.h"
#include "check.h"
#include "modplan.h"

#include <stdio.h>

/* Which driver a device without one would have; those that guides tell people to blacklist. */
static const struct {
	const char *module;
	uint16_t vendor; /* 0: any */
	uint32_t class, mask;
} drivers[] = {
	{ "amdgpu", 0x1002, 0x030000, 0xff0000 },   { "radeon", 0x1002, 0x030000, 0xff0000 },
	{ "nouveau", 0x10de, 0x030000, 0xff0000 },  { "nvidia", 0x10de, 0x030000, 0xff0000 },
	{ "i915", 0x8086, 0x030000, 0xff0000 },     { "xe", 0x8086, 0x030000, 0xff0000 },
	{ "snd_hda_intel", 0, 0x040300, 0xffff00 }, { "xhci_pci", 0, 0x0c0330, 0xffffff },
	{ "xhci_hcd", 0, 0x0c0330, 0xffffff },      { "nvme", 0, 0x010802, 0xffffff },
	{ "ahci", 0, 0x010600, 0xffff00 },
};

/* True if the device has that driver, or has none and would have that one. */
static bool needs(const struct host *host, size_t index, struct text module)
{
	const struct device *device = &host->judged.inventory.devices[index];
	struct text driver = text_of(host->drivers[index]);

	if (driver.len)
		return module_name_equal(driver, module);
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (module_name_equal(text_of(drivers[i].module), module) &&
		    (!drivers[i].vendor || drivers[i].vendor == device->vendor) &&
		    (device->class & drivers[i].mask) == drivers[i].class)
			return true;
	return false;
}

/* A machine file may have no drivers at all: then nothing is known of who lacks one. */
static bool knows_drivers(const struct host *host)
{
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		if (host->drivers[i][0])
			return true;
	return false;
}

void check_blacklisted(struct findings *findings, struct text module, struct text line,
		       const char *place)
{
	struct host *host = findings->host;
	char in[CHECK_PLACE_SIZE];
	struct naming left = { 0 };
	struct finding *finding;

	if (!knows_drivers(host))
		return;
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		if (plan_verdict(&host->judged.plan, i).kind != VERDICT_BIND &&
		    !device_is_bridge(&host->judged.inventory.devices[i]) && needs(host, i, module))
			naming_add(&left, host, i);
	if (!left.count)
		return;
	finding = finding_add(findings, SEVERITY_WARNING, "blacklist",
			      "\"%.*s\" %s leaves %s, which the host keeps, without a driver",
			      (int)line.len, line.at, say_place(place, in), left.text);
	finding_advise(finding, "remove it: chosen devices are bound before any driver is loaded");
	finding_set_place(finding, "%s", place);
	naming_give(&left, finding);
}
