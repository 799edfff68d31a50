/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf_file.h"
#include "base/driverctl.h"
#include "base/id_list.h"
#include "base/udev_rule.h"
#include "base/words.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

static bool lists_taker(struct text list)
{
	struct text module;

	while (text_cut(&list, ',', &module))
		if (conf_is_module(module, "vfio-pci"))
			return true;
	return false;
}

/* The kernel's own word keeps any module out, modprobe's only what is not asked for by name. */
static void say_blacklisted(struct findings *findings, struct text word)
{
	struct finding *finding = finding_add(
		findings,
		findings->host->judged.policy.rule_count ? SEVERITY_ERROR : SEVERITY_WARNING,
		"blacklist", "\"%.*s\" on the kernel command line keeps vfio-pci from being loaded",
		(int)word.len, word.at);

	finding_advise(finding, "remove it from the kernel command line");
}

static void say_left(struct findings *findings, const struct cmdline_word *word)
{
	struct text list = word->value, module;

	while (text_cut(&list, ',', &module))
		check_blacklisted(findings, module, word->whole, "/proc/cmdline");
}

static void check_cmdline(struct findings *findings)
{
	struct text rest = text_of(findings->host->judged.cmdline);
	struct cmdline_word word;

	while (cmdline_next(&rest, &word)) {
		if (!word.value.at)
			continue;
		if (is_kinds_parameter(word.name))
			check_kinds(findings, word.value, word.whole, "/proc/cmdline");
		else if (cmdline_name_is(word.name, "module_blacklist") && lists_taker(word.value))
			say_blacklisted(findings, word.whole);
		else if (cmdline_name_is(word.name, "module_blacklist") ||
			 cmdline_name_is(word.name, "modprobe.blacklist") ||
			 cmdline_name_is(word.name, "rd.driver.blacklist"))
			say_left(findings, &word);
	}
}

static void say_override(struct findings *findings, const char *place, size_t index,
			 struct text driver)
{
	struct host *host = findings->host;
	bool bound = plan_verdict(&host->judged.plan, index).kind == VERDICT_BIND;
	bool guest = driver_is_passthrough(driver);
	char address[ADDRESS_SIZE];
	struct finding *finding;

	if (!bound && !guest)
		return; /* a driver of the host's for a device of the host's */
	(void)address_format(host->judged.inventory.devices[index].address, address);
	finding = finding_add(findings, bound && guest ? SEVERITY_NOTE : SEVERITY_WARNING,
			      "driverctl", "%s gives %s to %.*s, which the policy %s", place,
			      address, (int)driver.len, driver.at,
			      !bound ? "leaves to the host" :
			      guest  ? "binds anyhow" :
				       "binds");
	finding_advise(finding, "driverctl unset-override %s", address);
	finding->device = index;
	finding_set_place(finding, "%s", place);
}

static bool take_override(void *context, const struct conf_line *line)
{
	struct findings *findings = context;
	char place[CONF_PLACE_SIZE];
	struct address address;
	struct text driver;
	size_t index;

	if (!driverctl_parse(line, &address, &driver))
		return true;
	index = inventory_find(&findings->host->judged.inventory, address);
	if (index == NO_DEVICE)
		return true;
	(void)snprintf(place, sizeof(place), "/%.300s", line->path);
	say_override(findings, place, index, driver);
	return true;
}

static bool is_about(const void *rule, const struct device *device)
{
	return udev_rule_matches(*(const struct text *)rule, device);
}

static bool take_udev(void *context, const struct conf_line *line)
{
	char place[CONF_PLACE_SIZE];

	conf_place(line, place);
	if (udev_rule_overrides(line->text))
		check_taken(context, is_about, &line->text, line->text, place);
	return true;
}

void check_conflicts(struct findings *findings)
{
	struct machine *machine = &findings->host->judged.machine;
	int err;

	check_cmdline(findings);
	if (findings->host->from_file)
		return;
	check_modprobe(findings);
	err = conf_read_udev(machine, take_udev, findings);
	(void)finding_unreadable(findings, "ids", machine->failed, err);
	err = driverctl_read(machine, take_override, findings);
	(void)finding_unreadable(findings, "driverctl", machine->failed, err);
}
