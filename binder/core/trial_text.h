/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on trial, and for how many boots: the text of usr/lib/vfio-bind/trial in an image, and
 * of the EFI variable that counts them,
 *
 *	vfio-bind-trial 1
 *	boots N
 *	policy DIGEST
 *	boot ID
 *
 * the last line only in the variable, and only once a boot was counted. Part of the core.
 */
#ifndef TRIAL_TEXT_H
#define TRIAL_TEXT_H

#include "text.h"

#define TRIAL_BOOTS_MAX   99
#define TRIAL_DIGEST_SIZE 17 /* 16 hex digits and a NUL */
#define BOOT_ID_SIZE      33 /* 32 hex digits, as journalctl(1) takes them, and a NUL */
#define TRIAL_TEXT_SIZE   128

struct trial {
	uint32_t boots;                 /* that it has; in the variable, that are left */
	char policy[TRIAL_DIGEST_SIZE]; /* of the policy that is on trial */
	char boot[BOOT_ID_SIZE];        /* the last boot that was counted, or empty */
};

/* Returns false for anything but such a text, whole. */
bool trial_parse(struct trial *trial, struct text text);

/* Writes the text and a NUL; returns its length. */
size_t trial_format(const struct trial *trial, char out[TRIAL_TEXT_SIZE]);

#endif
