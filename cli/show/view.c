/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view.h"

#include "base/diagnose.h"
#include "facts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static unsigned facts_wanted(const struct view *view, size_t index)
{
	unsigned facts = FACT_GROUP;

	if (device_class16(&view->host->boot.inventory.devices[index]) == CLASS_DISPLAY_VGA)
		facts |= FACT_BOOT_VGA;
	if (view->twins.of[index])
		facts |= FACT_DSN;
	return facts;
}

/*
 * Config space is left alone, for a look at it wakes a card that sleeps: but for the serial
 * numbers of twins, which tell them apart.
 */
static int read_facts(struct view *view)
{
	struct boot *boot = &view->host->boot;
	int err;

	if (view->host->from_file)
		return 0;
	for (size_t i = 0; i < boot->inventory.count; i++)
		boot->plan.wants[i] = (uint8_t)facts_wanted(view, i);
	boot->plan.wants_machine = (FACT_FRAMEBUFFER | FACT_SLOTS) & ~boot->inventory.known;
	err = facts_read(&boot->machine, &boot->inventory, &boot->plan, &boot->claims);
	if (!err)
		return 0;
	return complain(err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED, "%s: %s",
			boot->machine.failed, strerror(-err));
}

/* Before Linux 7.2 only root can read a serial number: sysfs-bus-pci, serial_number and config. */
static void warn_of_dsn(const struct host *host)
{
	const struct boot *boot = &host->boot;
	bool asked = false, read = false;

	if (host->from_file || !boot->machine.live || geteuid() == 0)
		return;
	for (size_t r = 0; r < boot->policy.rule_count; r++)
		asked |= rule_has(&boot->policy.rules[r], SELECT_DSN);
	for (size_t i = 0; i < boot->inventory.count; i++)
		read |= (boot->inventory.devices[i].known & FACT_DSN) &&
			boot->inventory.devices[i].dsn;
	if (asked && !read)
		warn("serial numbers cannot be read without root: rules with dsn= find nothing");
}

static int look(struct view *view)
{
	struct host *host = view->host;
	int code;

	twins_find(&view->twins, &host->boot.inventory);
	code = read_facts(view);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	warn_of_dsn(host);
	last_boot_read(&view->last, host);
	host_notes_find(&view->notes, host);
	if (!host->from_file)
		disk_list_read(&view->disks, &host->boot.machine, &host->boot.inventory);
	images_read(&view->images, host);
	return EXIT_AS_CONFIGURED;
}

struct view *view_read(const struct options *options, int *code)
{
	static struct view view;

	view.host = host_read(options, AT_BOOT, code);
	if (!view.host)
		return NULL;
	*code = look(&view);
	if (*code == EXIT_AS_CONFIGURED)
		return &view;
	view_free(&view);
	return NULL;
}

void view_free(struct view *view)
{
	host_free(view->host);
	view->host = NULL;
}
