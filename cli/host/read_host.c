/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "read_host.h"

#include "base/complain.h"
#include "facts.h"
#include "framebuffer.h"
#include "judge.h"
#include "kernel_variants.h"
#include "last_boot.h"
#include "machine_file.h"
#include "protect/protect_list.h"
#include "scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

static int complain_read(const struct host *host, int err)
{
	enum exit_code code = err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;

	return complain(code, "%s: %s", host->judged.machine.failed, strerror(-err));
}

/* A driver without a module to its name is part of the kernel: linux/drivers/base/module.c */
static void find_builtin(struct host *host)
{
	struct machine *machine = &host->judged.machine;

	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		const char *driver = host->drivers[i];
		char path[MACHINE_PATH_SIZE];

		if (!driver[0] || host_is_builtin(host, driver) ||
		    host->builtin_count == BUILTIN_MAX)
			continue;
		if (join(path, sizeof(path), "sys/bus/pci/drivers/", driver, "/module") &&
		    !machine_has(machine, path))
			memcpy(host->builtin[host->builtin_count++], driver, DRIVER_SIZE);
	}
}

static void remember_drivers(struct host *host)
{
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		memcpy(host->drivers[i], host->judged.inventory.devices[i].driver, DRIVER_SIZE);
}

/*
 * A DRM driver replaces the firmware's framebuffer, by which the boot knew the display, and the
 * next one will: then this boot's report says where it was.
 */
static void find_picture(struct host *host)
{
	struct judgement *judged = &host->judged;
	struct inventory *inventory = &judged->inventory;
	static struct wants wants;

	if (framebuffer_find(&host->judged.machine, inventory))
		return; /* who asks for it is told why */
	inventory->known |= FACT_FRAMEBUFFER;
	/* What a DRM driver says of the display the boot will see before there is one. */
	memset(&wants, 0, sizeof(wants));
	for (size_t i = 0; i < inventory->count; i++)
		if (host->drivers[i][0] &&
		    device_has_base_class(&inventory->devices[i], CLASS_BASE_DISPLAY))
			wants.of[i] = FACT_DRM;
	(void)facts_read(&judged->machine, inventory, &wants, &judged->claims);
	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->devices[i].framebuffer || inventory->devices[i].boot_display)
			return;
	host->recalled = last_boot_picture(&host->judged.machine, inventory);
	if (host->recalled != NO_DEVICE)
		inventory->devices[host->recalled].framebuffer = true;
}

/*
 * What an image built now would say of the host. Below --root an image's own word may be there;
 * on the host itself such a file is left over from somewhere, and as old as that.
 */
static int find_protect(struct host *host)
{
	size_t warned = warnings_count();
	FILE *text;

	host_use_find(&host->use, &host->judged.machine, &host->judged.inventory);
	if (host->judged.machine.confined && machine_has(&host->judged.machine, PROTECT_FILE)) {
		warnings_forget(warned); /* it is not what counts */
		(void)load_protect(&host->judged.machine, PROTECT_FILE, &host->judged.protect);
		return EXIT_AS_CONFIGURED;
	}
	text = fmemopen(host->protect_text, sizeof(host->protect_text), "w");
	if (!text)
		return complain(EXIT_FAILED, "no memory");
	host_use_write(&host->use, text);
	(void)fclose(text);
	(void)protect_parse(&host->judged.protect, text_of(host->protect_text));
	return EXIT_AS_CONFIGURED;
}

static int read_live(struct host *host, const struct options *options)
{
	struct judgement *judged = &host->judged;
	struct utsname kernel;
	int err = machine_open(&judged->machine, options->root);
	ssize_t len;

	if (err)
		return complain_read(host, err);
	len = load_cmdline(&judged->machine, judged->cmdline, sizeof(judged->cmdline));
	if (len < 0)
		return complain_read(host, (int)len);
	host->cmdline_known = machine_has(&judged->machine, "proc/cmdline");
	err = scan(&judged->machine, &judged->inventory);
	if (err)
		return complain_read(host, err);
	if (!uname(&kernel))
		memcpy(host->kernel, kernel.release, sizeof(host->kernel));
	remember_drivers(host);
	find_builtin(host);
	find_picture(host);
	return find_protect(host);
}

static int read_file(struct host *host, const struct options *options)
{
	int err = machine_open(&host->judged.machine, options->root);

	if (err)
		return complain_read(host, err);
	host->from_file = true;
	err = machinefile_read(host, options->machine_file);
	remember_drivers(host);
	return err;
}

int host_judge(struct host *host, enum moment moment)
{
	struct judgement *judged = &host->judged;
	int err;

	/* What holds devices at that moment. At boot it is what the kernel has built in. */
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		struct device *device = &host->judged.inventory.devices[i];
		const char *driver = host->drivers[i];

		if (moment == AT_BOOT && !host_is_builtin(host, driver))
			driver = "";
		(void)join(device->driver, sizeof(device->driver), driver, "", "");
		device->passthrough = driver_is_passthrough(text_of(device->driver));
	}
	err = judge(judged, &host->decision);
	claims_release_all(&judged->claims);
	return err ? complain_read(host, err) : EXIT_AS_CONFIGURED;
}

static struct host *new_host(void)
{
	/* Shared with the child that does the work of apply. */
	struct host *host = mmap(NULL, sizeof(*host), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return host == MAP_FAILED ? NULL : host;
}

struct host *host_look(const struct options *options, int *code)
{
	struct host *host = new_host();

	if (!host) {
		*code = complain(EXIT_FAILED, "no memory");
		return NULL;
	}
	memset(host->revisions, 0xff, sizeof(host->revisions));
	host->recalled = NO_DEVICE;
	host->mistakes = (struct mistakes)MISTAKES_NONE;
	*code = options->machine_file ? read_file(host, options) : read_live(host, options);
	if (*code == EXIT_AS_CONFIGURED)
		return host;
	host_free(host);
	return NULL;
}

struct host *host_read(const struct options *options, enum moment moment, int *code)
{
	struct host *host = host_look(options, code);
	struct judgement *judged;
	struct text cmdline;
	struct diag *diag;

	if (!host)
		return NULL;
	judged = &host->judged;
	cmdline = text_of(judged->cmdline);
	diag = &host->mistakes.diag;
	cmdline_read(cmdline, &judged->words);
	if (load_policy(&judged->machine, &judged->policy_text, &judged->policy, diag)) {
		host->own_rules = judged->policy.rule_count;
		(void)cmdline_rules(cmdline, &judged->words, &judged->policy, diag);
	}
	if (diag->mistakes) /* a policy with a mistake says nothing */
		judged->policy.rule_count = 0;
	host_take_variants(host, NULL);
	*code = host_judge(host, moment);
	if (*code == EXIT_AS_CONFIGURED)
		return host;
	host_free(host);
	return NULL;
}

/* What is not used of the tables stays untouched: they are large. */
struct host *host_again(const struct host *host)
{
	const struct inventory *inventory = &host->judged.inventory;
	struct host *again = new_host();
	struct inventory *copy;

	if (!again)
		return NULL;
	copy = &again->judged.inventory;
	again->original = host;
	again->judged.machine = host->judged.machine;
	memcpy(copy->devices, inventory->devices, inventory->count * sizeof(copy->devices[0]));
	memcpy(copy->slots, inventory->slots, inventory->slot_count * sizeof(copy->slots[0]));
	copy->count = inventory->count;
	copy->slot_count = inventory->slot_count;
	copy->slots_left_out = inventory->slots_left_out;
	copy->known = inventory->known;
	memcpy(again->drivers, host->drivers, inventory->count * sizeof(host->drivers[0]));
	memcpy(again->builtin, host->builtin, sizeof(host->builtin));
	again->builtin_count = host->builtin_count;
	again->recalled = host->recalled;
	again->from_file = host->from_file;
	return again;
}

void host_policy_under(struct host *again, const char *cmdline)
{
	struct judgement *judged = &again->judged;
	struct diag *diag = &again->mistakes.diag;
	struct text words;

	again->mistakes = (struct mistakes)MISTAKES_NONE;
	judged->protect = again->original->judged.protect;
	judged->steps = again->original->judged.steps;
	judged->policy = again->original->judged.policy;
	judged->policy.rule_count = again->original->own_rules;
	(void)snprintf(judged->cmdline, sizeof(judged->cmdline), "%s", cmdline);
	words = text_of(judged->cmdline);
	cmdline_read(words, &judged->words);
	if (!cmdline_rules(words, &judged->words, &judged->policy, diag))
		judged->policy.rule_count = 0;
}

void host_free(struct host *host)
{
	if (host->original) {
		mistakes_free(&host->mistakes);
		(void)munmap(host, sizeof(*host));
		return;
	}
	machine_close(&host->judged.machine);
	mistakes_free(&host->mistakes);
	(void)munmap(host, sizeof(*host));
}

int host_read_all(struct host *host)
{
	int err;

	if (host->from_file)
		return EXIT_AS_CONFIGURED; /* it held all of them */
	for (size_t i = 0; i < host->judged.inventory.count; i++) {
		char path[MACHINE_PATH_SIZE], text[16];
		ssize_t len = machine_read_attribute(
			&host->judged.machine,
			pci_path(path, host->judged.inventory.devices[i].address, "revision"), text,
			sizeof(text));
		uint32_t revision;

		/* "0x01" and a newline */
		if (len == 5 && text_hex((struct text){ text + 2, 2 }, 2, 2, &revision))
			host->revisions[i] = (int16_t)revision;
	}
	/* Claiming a disk would be in the way of others who want it. */
	err = facts_read_all(&host->judged.machine, &host->judged.inventory,
			     (DEVICE_FACTS & ~FACT_DISKS) | MACHINE_FACTS, &host->judged.claims);
	return err ? complain_read(host, err) : EXIT_AS_CONFIGURED;
}
