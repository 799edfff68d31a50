/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "names.h"

#include "command.h"
#include "value.h"

#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* From the list of the system; VFIO_BIND_PCI_IDS names another, one that does not change. */
static struct pci_access *names(void)
{
	char *path = getenv("VFIO_BIND_PCI_IDS");

	if (access)
		return access;
	access = pci_alloc();
	(void)atexit(close_names);
	if (path)
		pci_set_name_list_path(access, path, 0);
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

const char *vendor_name(const struct device *device, char out[NAME_TEXT_SIZE])
{
	const int flags = PCI_LOOKUP_VENDOR | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;

	if (!pci_lookup_name(names(), out, NAME_TEXT_SIZE, flags, device->vendor))
		out[0] = '\0';
	return out;
}

const char *model_name(const struct device *device, char out[NAME_TEXT_SIZE])
{
	const int flags = PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;

	if (!pci_lookup_name(names(), out, NAME_TEXT_SIZE, flags, device->vendor, device->device))
		out[0] = '\0';
	return out;
}

/* Words of pci.ids that tell nobody which company it is. */
static bool is_company_word(const char *word)
{
	static const char *const words[] = {
		"and",     "Co",           "Co.",         "Company",       "Corp",
		"Corp.",   "Corporation",  "Electronics", "Inc",           "Inc.",
		"Limited", "Ltd",          "Ltd.",        "Semiconductor", "subsidiaries",
		"Systems", "Technologies", "Technology",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

/* "Advanced Micro Devices, Inc. [AMD/ATI]" has it in brackets; of others the end goes. */
static void shorten(char *vendor)
{
	char *open = strrchr(vendor, '['), *end = open ? strchr(open, ']') : NULL;
	char *space;

	if (end) {
		*end = '\0';
		memmove(vendor, open + 1, strlen(open + 1) + 1);
		return;
	}
	vendor[strcspn(vendor, ",(")] = '\0';
	while ((space = strrchr(vendor, ' ')) && (!space[1] || is_company_word(space + 1)))
		*space = '\0';
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

const char *device_short_name(const struct device *device, char out[NAME_TEXT_SIZE])
{
	char vendor[NAME_TEXT_SIZE], model[NAME_TEXT_SIZE];

	(void)vendor_name(device, vendor);
	shorten(vendor);
	if (!model_name(device, model)[0]) {
		/* What kind of device it is, as pci.ids has it, or as a policy does. */
		const int flags = PCI_LOOKUP_CLASS | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB;

		if (!pci_lookup_name(names(), model, NAME_TEXT_SIZE, flags, device->class >> 8) ||
		    !model[0])
			(void)snprintf(model, NAME_TEXT_SIZE, "%s%s",
				       class_name(device->class) ? "" : "class ",
				       device_class_text(device, (char[NAME_TEXT_SIZE]){ 0 }));
	}
	if (vendor[0])
		(void)snprintf(out, NAME_TEXT_SIZE, "%.60s %.98s", vendor, model);
	else
		(void)snprintf(out, NAME_TEXT_SIZE, "%.98s %04x:%04x", model, device->vendor,
			       device->device);
	return out;
}
