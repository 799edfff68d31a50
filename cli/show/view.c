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

	if (device_class16(&view->host->judged.inventory.devices[index]) == CLASS_DISPLAY_VGA)
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
	struct judgement *judged = &view->host->judged;
	int err;

	if (view->host->from_file)
		return 0;
	for (size_t i = 0; i < judged->inventory.count; i++)
		judged->plan.wants[i] = (uint8_t)facts_wanted(view, i);
	judged->plan.wants_machine = (FACT_FRAMEBUFFER | FACT_SLOTS) & ~judged->inventory.known;
	err = facts_read(&judged->machine, &judged->inventory, &judged->plan, &judged->claims);
	if (!err)
		return 0;
	return complain(err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED, "%s: %s",
			judged->machine.failed, strerror(-err));
}

/* Before Linux 7.2 only root can read a serial number: sysfs-bus-pci, serial_number and config. */
static void warn_of_dsn(const struct host *host)
{
	const struct judgement *judged = &host->judged;
	bool asked = false, read = false;

	if (host->from_file || !judged->machine.live || geteuid() == 0)
		return;
	for (size_t r = 0; r < judged->policy.rule_count; r++)
		asked |= rule_has(&judged->policy.rules[r], SELECT_DSN);
	for (size_t i = 0; i < judged->inventory.count; i++)
		read |= (judged->inventory.devices[i].known & FACT_DSN) &&
			judged->inventory.devices[i].dsn;
	if (asked && !read)
		warn("serial numbers cannot be read without root: rules with dsn= find nothing");
}

static int look(struct view *view)
{
	struct host *host = view->host;
	int code;

	twins_find(&view->twins, &host->judged.inventory);
	code = read_facts(view);
	if (code != EXIT_AS_CONFIGURED)
		return code;
	warn_of_dsn(host);
	last_boot_read(&view->last, host);
	host_notes_find(&view->notes, host);
	if (!host->from_file)
		disk_list_read(&view->disks, &host->judged.machine, &host->judged.inventory);
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
