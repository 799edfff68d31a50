/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other programs were told to give to a guest, wherever that is written. */
#ifndef IMPORTS_H
#define IMPORTS_H

#include "base/conf_file.h"
#include "host/host.h"

#define IMPORTS_MAX        64
#define IMPORT_DEVICES_MAX 512
#define IMPORT_ITEM_SIZE   64
#define IMPORT_TEXT_SIZE   200

/* In the order in which they are shown. */
enum import_source {
	IMPORT_CMDLINE,
	IMPORT_MODPROBE,
	IMPORT_DRIVERCTL,
	IMPORT_UDEV,
	IMPORT_UNRAID,
	IMPORT_CFG,
	IMPORT_SCRIPT, /* names addresses */
	IMPORT_RECIPE, /* a script that goes by boot_vga */
};

/* One place where something stands. */
struct import {
	enum import_source source;
	char place[CONF_PLACE_SIZE]; /* "/etc/modprobe.d/vfio.conf:1" */
	char text[IMPORT_TEXT_SIZE]; /* the words that count there */
};

/* One device it is about. */
struct import_device {
	size_t import;
	char item[IMPORT_ITEM_SIZE]; /* the word for it: 10de:1c82, 0000:05:00.0 */
	char driver[DRIVER_SIZE];
	size_t index; /* NO_DEVICE: there is none */
	bool other;   /* another id stands there than the word says */
	bool unknown; /* the word makes no sense */
	bool by_kind; /* the word is an id: it takes every device that has it */
};

struct imports {
	struct host *host;
	struct import list[IMPORTS_MAX];
	size_t order[IMPORTS_MAX]; /* of the list, to be shown in */
	struct import_device devices[IMPORT_DEVICES_MAX];
	size_t count, device_count;
	bool overflow; /* there is more than fits */
	struct import *current;
};

/* Looks everywhere; imports starts out all zero. A machine file holds the command line only. */
void imports_find(struct imports *imports, struct host *host);

/* "driverctl", "Unraid" and the like. */
const char *import_name(enum import_source source);

/* Notes a place; what is added behind is about it. Returns false if there is no more room. */
bool import_begin(struct imports *imports, enum import_source source, const char *place,
		  struct text text);

/* Adds every device of the kinds in an ids= list. */
void import_ids(struct imports *imports, struct text list);

/* Adds one device: [DDDD:]BB:DD.F, with |VVVV:DDDD or +VVVV:DDDD behind it or not. */
void import_address(struct imports *imports, struct text word, struct text driver);

/* Adds every word of a list with commas, blanks, quotes or brackets between. */
void import_addresses(struct imports *imports, struct text list);

/* Scripts that write to driver_override, where initramfs generators and people keep them. */
void import_scripts(struct imports *imports);

/* A script at that path, without its leading slash, if it writes to driver_override. */
void import_script(struct imports *imports, const char *path);

/* The scripts that "install vfio-pci /PATH" of modprobe.d(5) runs, also where a script writes it. */
void import_install(struct imports *imports, struct text line);

#endif
