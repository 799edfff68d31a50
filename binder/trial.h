/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy on probation. An EFI variable of our own, which only `vfio-bind confirm` or an update
 * takes away, says how many boots are left, and an image that holds TRIAL_FILE counts one before it
 * binds anything: a boot that never comes up is the last one that does. Where nobody can count,
 * nothing is bound.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include "machine.h"
#include "trial_text.h"

#define TRIAL_FILE     "usr/lib/vfio-bind/trial"
#define EFIVARS_DIR    "sys/firmware/efi/efivars"
#define TRIAL_VARIABLE EFIVARS_DIR "/VfioBindTrial-29816690-cd8b-438a-9722-e290f7c7a2d5"
#define EFIVARS_MODULE "efivarfs"
#define BOOT_ID_FILE   "proc/sys/kernel/random/boot_id"

/* True where EFI variables can be looked at; below another root a folder will do. */
bool efivars_are_there(struct machine *machine);

/* The id of this boot, or an empty text. */
void boot_id_read(struct machine *machine, char id[BOOT_ID_SIZE]);

/* Reads the variable. Returns 0, -ENOENT if there is none, -EINVAL for nonsense, or an error. */
int trial_read(struct machine *machine, struct trial *trial);

/*
 * Writes the variable, and reads it back. Without create it has to be there. Returns 0 or an
 * error, after which nobody knows what it says.
 */
int trial_write(struct machine *machine, const struct trial *trial, bool create);

/* Lets a variable be written and removed: linux/fs/efivarfs makes all but a few immutable. */
void trial_unlock(struct machine *machine);

enum trial_end {
	TRIAL_NONE,    /* the image is not on trial, or it was confirmed */
	TRIAL_COUNTED, /* this boot is one of it */
	TRIAL_FAILED,  /* there is no boot left: nothing may be bound */
	TRIAL_UNKNOWN, /* nobody can count: nothing may be bound */
};

/*
 * Counts this boot, once however often it is asked, and not at all in a dry run. Says what comes
 * of it in the kernel log. *trial becomes what is left.
 */
enum trial_end trial_count(struct machine *machine, bool dry_run, struct trial *trial);

#endif
