/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host.h"

#include <string.h>
#include <unistd.h>

#define RELEASE_FILE "proc/sys/kernel/osrelease"

bool host_is_builtin(const struct host *host, const char *driver)
{
	for (size_t i = 0; i < host->builtin_count; i++)
		if (!strcmp(host->builtin[i], driver))
			return true;
	return false;
}

void host_running(struct host *host, char release[NAME_SIZE])
{
	ssize_t len = -1;

	if (!host->from_file)
		len = machine_read_attribute(&host->judged.machine, RELEASE_FILE, release,
					     NAME_SIZE);
	if (len > 0)
		release[strcspn(release, "\n")] = '\0';
	else
		(void)join(release, NAME_SIZE, host->kernel, "", "");
}

int host_find(const struct host *host, const char *argument, size_t *index)
{
	struct address address;

	if (!address_parse(text_of(argument), &address))
		return complain(EXIT_USAGE, "%s: expected an address, [DDDD:]BB:DD.F", argument);
	*index = inventory_find(&host->judged.inventory, address);
	if (*index == NO_DEVICE)
		return complain(EXIT_NO_DEVICE, "%s: there is no such device", argument);
	return EXIT_AS_CONFIGURED;
}

bool host_keeps_screen_beside(const struct host *host, size_t index)
{
	const struct device *devices = host->judged.inventory.devices;

	for (size_t i = 0; i < host->judged.inventory.count; i++)
		if (!display_same_card(&devices[i], &devices[index]) &&
		    screen_is_left(&host->decision, i))
			return true;
	return false;
}

static bool asks_dsn(const struct policy *policy, const struct protect *protect)
{
	for (size_t r = 0; r < policy->rule_count; r++)
		if (rule_has(&policy->rules[r], SELECT_DSN))
			return true;
	for (size_t i = 0; i < protect->count; i++)
		if (protect->lines[i].dsn)
			return true;
	return false;
}

bool host_hides_dsn(const struct host *host, const struct protect *protect)
{
	const struct inventory *inventory = &host->judged.inventory;

	if (host->from_file || !geteuid() || !asks_dsn(&host->judged.policy, protect))
		return false;
	for (size_t i = 0; i < inventory->count; i++)
		if ((inventory->devices[i].known & FACT_DSN) && inventory->devices[i].dsn)
			return false;
	return true;
}
