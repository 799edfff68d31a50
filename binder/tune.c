/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tune.h"

#include "format.h"
#include "load.h"
#include "reset.h"

#include <errno.h>
#include <string.h>

#define VALUE_SIZE   128
#define RESET_METHOD "reset_method"

static const struct rule *rule_of(const struct boot *boot, size_t index)
{
	return &boot->judged->policy.rules[plan_verdict(&boot->judged->plan, index).rule];
}

/* What it says is what counts, and not that the write did. */
static int set_value(struct machine *machine, struct address address, const char *name,
		     const char *value)
{
	char now[VALUE_SIZE];
	ssize_t err = pci_read(machine, address, name, now, sizeof(now));

	if (err < 0 || !strcmp(now, value))
		return err < 0 ? (int)err : 0;
	err = pci_write(machine, address, name, value);
	if (!err)
		err = pci_read(machine, address, name, now, sizeof(now));
	return err < 0 ? (int)err : strcmp(now, value) ? -EIO : 0;
}

/*
 * One name that is not there would have the kernel take none of them
 * (linux/drivers/pci/pci-sysfs.c:reset_method_store). What was written earlier may hide some:
 * "default" brings all.
 */
static int set_reset(struct machine *machine, struct address address, struct text asked,
		     unsigned *missing)
{
	char there[VALUE_SIZE], list[RESET_SIZE];
	ssize_t len = pci_read(machine, address, RESET_METHOD, there, sizeof(there));

	if (len < 0)
		return (int)len;
	*missing = reset_missing(asked, text_of(there));
	if (*missing && machine->live && !pci_write(machine, address, RESET_METHOD, "default") &&
	    pci_read(machine, address, RESET_METHOD, there, sizeof(there)) >= 0)
		*missing = reset_missing(asked, text_of(there));
	reset_list(asked, ~*missing, ' ', list);
	return list[0] ? set_value(machine, address, RESET_METHOD, list) : 0;
}

void tune(struct boot *boot, size_t index)
{
	struct machine *machine = &boot->judged->machine;
	struct address address = boot->judged->inventory.devices[index].address;
	struct outcome *outcome = &boot->outcomes[index];
	const struct rule *rule = rule_of(boot, index);

	if (outcome->tuned || (!rule->d3cold.len && !rule->reset.len))
		return;
	outcome->tuned = true;
	outcome->step = STEP_TUNE;
	boot_at(boot, STEP_TUNE, index);
	if (rule->d3cold.len)
		outcome->d3cold_err = set_value(machine, address, "d3cold_allowed",
						text_is(rule->d3cold, "1") ? "1" : "0");
	if (rule->reset.len)
		outcome->reset_err =
			set_reset(machine, address, rule->reset, &outcome->reset_missing);
}

static void add(char out[TUNING_SIZE], const char *what, const char *why)
{
	size_t len = strlen(out);

	(void)format(out + len, TUNING_SIZE - len, "%s%s%s", len ? "; " : "", what, why);
}

static void add_error(char out[TUNING_SIZE], const char *what, int err)
{
	if (err)
		add(out, what, err == -ENOENT ? "not there" : error_name(err));
}

void tuning_text(const struct boot *boot, size_t index, char out[TUNING_SIZE])
{
	const struct outcome *outcome = &boot->outcomes[index];
	char names[RESET_SIZE];

	out[0] = '\0';
	add_error(out, "d3cold: ", outcome->d3cold_err);
	add_error(out, "reset: ", outcome->reset_err);
	if (!outcome->reset_missing)
		return;
	reset_list(rule_of(boot, index)->reset, outcome->reset_missing, ',', names);
	add(out, "reset: no ", names);
}
