/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of loader/entries: The Boot Loader Specification (UAPI.1), and for the numbers of boots that
 * are left in their names, Automatic Boot Assessment (systemd.io). Pure: text in, text out.
 */
#ifndef BOOTENTRY_H
#define BOOTENTRY_H

#include "load.h"

#define BOOT_ENTRY_SIZE 16384
#define BOOT_VALUE_SIZE 192

struct boot_entry {
	char name[NAME_SIZE]; /* of the file */
	size_t id_len;        /* of the name, without the numbers and ".conf" */
	long left, done;      /* boots: ID+LEFT-DONE.conf; -1 where they are not counted */
	bool linux;           /* it boots a kernel, with a command line of its own */
	char sort_key[BOOT_VALUE_SIZE], machine_id[BOOT_VALUE_SIZE], version[BOOT_VALUE_SIZE];
};

/* Takes a file's name apart. False if it is no entry's, or too long. */
bool boot_entry_name(struct boot_entry *entry, const char *name);

/* Reads what it says into an entry whose name is there. */
void boot_entry_read(struct boot_entry *entry, struct text text);

/* For qsort(3): as boot loaders show them, newest first, and last those with no boot left. */
int boot_entry_compare(const void *a, const void *b);

/*
 * Writes the entry once more, with a word in front of its command line and behind its title another
 * in brackets. Returns its length, or 0 if it does not fit.
 */
size_t boot_entry_copy(const struct boot_entry *entry, struct text text, const char *word,
		       const char *title, char out[BOOT_ENTRY_SIZE]);

#endif
