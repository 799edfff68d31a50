/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include "command.h"
#include "value.h"

#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noreturn)) static void give_up(char *message, ...)
{
	exit(complain(EXIT_FAILED, "pci.ids: %s", message));
}

static void say_nothing(char *message, ...)
{
	(void)message;
}

/*
 * pci_init() would look for hardware and exit where it finds no way to it. Looking up names
 * takes less: what pci_alloc() gives, and somewhere to send messages.
 */
static struct pci_access *access;

static void close_names(void)
{
	pci_cleanup(access);
}

static struct pci_access *names(void)
{
	if (access)
		return access;
	access = pci_alloc();
	(void)atexit(close_names);
	access->error = give_up;
	access->warning = access->debug = say_nothing;
	return access;
}

const char *device_name(const struct device *device, char out[NAME_TEXT_SIZE])
{
	const int flags =
		PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;

	if (!pci_lookup_name(names(), out, NAME_TEXT_SIZE, flags, device->vendor, device->device))
		out[0] = '\0';
	return out;
}

const char *device_class_text(const struct device *device, char out[NAME_TEXT_SIZE])
{
	const char *name = class_name(device->class);

	if (name)
		(void)snprintf(out, NAME_TEXT_SIZE, "%s", name);
	else
		(void)snprintf(out, NAME_TEXT_SIZE, "%06x", device->class);
	return out;
}
