/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other programs were told to give to a guest, wherever that is written. */
#ifndef IMPORTS_H
#define IMPORTS_H

#include "base/conf_file.h"
#include "host/host.h"

#define IMPORTS_MAX        256
#define IMPORT_DEVICES_MAX 512
#define IMPORT_ITEM_SIZE   64
#define IMPORT_TEXT_SIZE   200
#define IMPORT_RULE_SIZE   256

/* In the order in which they are shown. */
enum import_source {
	IMPORT_CMDLINE,
	IMPORT_MODPROBE,
	IMPORT_DRIVERCTL,
	IMPORT_UDEV,
	IMPORT_UNRAID,
	IMPORT_CFG,
	IMPORT_PROXMOX,
	IMPORT_TRUENAS,
	IMPORT_INCUSOS,
	IMPORT_TALOS,
	IMPORT_SUPERGFXD, /* the second screen of a laptop */
	IMPORT_SCRIPT,    /* names addresses */
	IMPORT_RECIPE,    /* a script that goes by boot_vga */
};

/* One place where something stands. */
struct import {
	enum import_source source;
	char place[CONF_PLACE_SIZE]; /* "/etc/modprobe.d/vfio.conf:1" */
	char text[IMPORT_TEXT_SIZE]; /* the words that count there */
	char rule[IMPORT_RULE_SIZE]; /* the one for what goes by no address, or "" */
};

/* One device it is about. */
struct import_device {
	size_t import;
	char item[IMPORT_ITEM_SIZE]; /* the word for it: 10de:1c82, 0000:05:00.0 */
	char driver[DRIVER_SIZE];
	size_t index; /* NO_DEVICE: there is none */
	uint32_t vendor, device;
	bool has_id;        /* the word says that the device has this id */
	bool by_kind;       /* the word is an id: it takes every device that has it */
	const char *unread; /* why nothing comes of the word, or NULL */
};

struct imports {
	struct host *host;
	struct machine *machine; /* whose files are read */
	struct import list[IMPORTS_MAX];
	size_t order[IMPORTS_MAX]; /* of the list, to be shown in */
	struct import_device devices[IMPORT_DEVICES_MAX];
	size_t count, device_count;
	bool overflow; /* there is more than fits */
	struct import *current;
};

/* Looks everywhere; imports starts out all zero. A machine file holds the command line only. */
void imports_find(struct imports *imports, struct host *host);

/* Reads one file of machine, in whatever form it is; path has no leading slash. */
void imports_read(struct imports *imports, struct host *host, struct machine *machine,
		  const char *path);

/* "driverctl", "Unraid" and the like. */
const char *import_name(enum import_source source);

/* Why a device that is shared out as mediated devices gets no rule. */
extern const char import_mediated[];

/* Notes a place; what is added behind is about it. Returns false if there is no more room. */
bool import_begin(struct imports *imports, enum import_source source, const char *place,
		  struct text text);

/* Notes a place whose devices one rule finds. */
void import_recipe(struct imports *imports, enum import_source source, const char *place,
		   struct text text, const char *rule);

/* A laptop's second screen, which is what supergfxd gives away. */
#define RULE_SECOND_SCREEN "bind display boot_display=0"

/* The same as import_begin() for a line of a file. */
bool import_begin_line(struct imports *imports, enum import_source source,
		       const struct conf_line *line);

/* Adds every device of the kinds in an ids= list. */
void import_ids(struct imports *imports, struct text list);

/* Adds one device: [DDDD:]BB:DD.F, with |VVVV:DDDD or +VVVV:DDDD behind it or not. */
void import_address(struct imports *imports, struct text word, struct text driver);

/*
 * Notes a rule of udev(7), and adds the functions it is about. One that matches nothing of a
 * function is passed over.
 */
void import_udev(struct imports *imports, const struct conf_line *line);

/*
 * The same, or without .F all functions of the slot, and an id, which may be empty, as the first
 * function shall have it.
 */
void import_slot(struct imports *imports, struct text word, struct text id);

/* Adds every word of a list with commas, semicolons, blanks, quotes or brackets between. */
void import_addresses(struct imports *imports, struct text list);

/* Adds a word of which nothing comes, and why: a text that stays. */
void import_unread(struct imports *imports, struct text word, const char *why);

/* True if something of that file, or exactly there, is in the list. */
bool import_knows(const struct imports *imports, const char *place);

/* Where each format stands, and one file in that format, path being without its leading slash. */

/* Kernel command lines, modprobe.d(5), udev(7), driverctl(8), Unraid, vfio-pci.cfg. */
void import_settings(struct imports *imports);
void import_settings_read(struct imports *imports, const char *path);

/* Proxmox VE's mappings, and hostpci lines of its guests. */
void import_proxmox(struct imports *imports);
void import_proxmox_read(struct imports *imports, const char *path);

/* Systems that are settings as a whole: TrueNAS, IncusOS, Talos; supergfxd's file. */
void import_systems(struct imports *imports);
void import_systems_read(struct imports *imports, const char *path);

/* Scripts that bind, where initramfs generators, udev rules and people keep them. */
void import_scripts(struct imports *imports);

/* A script, if it writes to driver_override, loads vfio-pci with ids, or makes virtual functions. */
void import_script(struct imports *imports, const char *path);

/* The ids with which a line of shell loads vfio-pci, or writes them to its new_id. */
void import_loaded(struct imports *imports, enum import_source source,
		   const struct conf_line *line);

/* The scripts that "install vfio-pci /PATH" of modprobe.d(5) runs, also where a script writes it. */
void import_install(struct imports *imports, struct text line);

/* Virtual functions that are made by a setting, a unit or a line of udev(7). */
void import_vfs(struct imports *imports);

/* A conf_take for one line that may make some. */
bool import_take_numvfs(void *context, const struct conf_line *line);

/* "options MODULE max_vfs=N" of a driver that makes them when it is loaded. */
void import_max_vfs(struct imports *imports, const struct conf_line *line, struct text module,
		    struct text options);

#endif
