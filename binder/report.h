/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Says what became of every device and rule: kernel log, /run/vfio-bind/report, exit status. */
#ifndef REPORT_H
#define REPORT_H

#include "boot.h"

#define RUN_DIR "run/vfio-bind"
#define DEV_DIR "dev/vfio-bind" /* devtmpfs, one and the same wherever it is mounted */

/* The file in which a report and the policy it is about are left. */
#define REPORT_NAME "/report"
#define POLICY_NAME "/policy"

/* Notes of a boot in which nothing might be bound. */
#define NOTE_TRIAL_FAILED  "the trial failed"
#define NOTE_TRIAL_UNKNOWN "the trial cannot be counted"

/* Frozen: SPEC of the binder's exit status. */
enum status {
	STATUS_DONE = 0,
	STATUS_REFUSED = 1, /* or failed, or hung, or count= or required unmet */
	STATUS_POLICY = 2,
	STATUS_MACHINE = 3, /* it could not be read */
};

/* The result of the boot, once it is decided and, except in a dry run, read back. */
enum status report_status(const struct boot *boot);

/* What went wrong with a device that was to be bound, or an empty text. */
#define FAILURE_SIZE 256
void report_failure(const struct boot *boot, size_t index, char out[FAILURE_SIZE]);

/* One line a device a rule selected, and one a rule that bound nothing, to the kernel log. */
void report_log(struct boot *boot);

/* Puts the lines of a late pass behind those there are, in place of any of the same devices. */
int report_append(struct boot *boot, const char *dir);

/*
 * Writes the report and a copy of the policy into dir. note is "off" and the like, where there
 * is nothing else to say, or NULL. Returns 0 or an error.
 *
 * Lines of the report that begin with "# " and have no tab are notes. If the decision asked for
 * it, one is what showed the boot's picture and how that is known:
 * `# boot-display ADDRESS firmware|boot_vga|only-screen`, or `# boot-display - none`. For each device that was taken from a guest's driver, because the
 * host is to have it: `# given-back ADDRESS`. Of a boot on trial, with the boots that are left
 * behind it: `# trial N`.
 */
int report_write(struct boot *boot, const char *dir, const char *note);

#endif
