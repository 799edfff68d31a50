/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the texts the work goes by: policy, protect, the kernel command line. */
#ifndef LOAD_H
#define LOAD_H

#include "cmdline.h"
#include "machine.h"
#include "policy.h"
#include "protect.h"

#define POLICY_FILE  "etc/vfio-bind.conf"
#define POLICY_DIR   "etc/vfio-bind.conf.d"
#define VENDOR_DIR   "usr/lib/vfio-bind.conf.d" /* of packages, and of images that are built whole */
#define PAYLOAD_DIR  "usr/lib/vfio-bind"
#define NAME_SIZE    256 /* NAME_MAX of linux/limits.h, and a NUL */
#define PROTECT_FILE PAYLOAD_DIR "/protect"

/* The policy's files one after another, each behind a "# FILE" line: rules point into it. */
struct policy_text {
	char buffer[2 * POLICY_BYTES_MAX];
	size_t len;     /* of all */
	size_t content; /* of what stands in files: at most POLICY_BYTES_MAX */
};

/*
 * Writes "# /PATH", which every file stands behind; *file becomes the path as it now stands there,
 * for rules to name. False if there is no room for it, as there may be none for a piece of a file.
 */
bool policy_text_begin(struct policy_text *text, const char *path, struct text *file);
bool policy_text_put(struct policy_text *text, const char *at, size_t len);

/*
 * Reads all policy files into policy, which starts out all zero. Mistakes go to diag, a file
 * that cannot be read or trusted among them. Returns true if there was none.
 */
bool load_policy(struct machine *machine, struct policy_text *text, struct policy *policy,
		 struct diag *diag);

/* Why the policy in an open file or folder is not to be trusted, to follow "expected", or NULL. */
const char *policy_distrust(int fd, bool folder);

/* True for the names in POLICY_DIR and VENDOR_DIR that count. */
bool is_policy_name(const char *name);

/* True if a link that says this leads to /dev/null: it switches off the file whose name it has. */
bool is_null_link(const char *target);

/* A file of POLICY_DIR or VENDOR_DIR. */
struct drop_in {
	char name[NAME_SIZE]; /* empty: before the first */
	const char *folder;   /* where it is, or what could not be read */
	char path[MACHINE_PATH_SIZE];
	const char *distrust; /* why the folder is not to be trusted, or NULL */
	bool off;             /* a link to /dev/null */
};

/*
 * Goes on to the next file of the two folders in byte order of the names; one of POLICY_DIR takes
 * the place of one of the same name in VENDOR_DIR. Returns 1, 0 behind the last, or an error.
 */
int next_drop_in(struct machine *machine, struct drop_in *drop_in);

/* True if the policy says anything: a rule, or accept cmdline. */
bool policy_says_anything(const struct policy *policy);

/*
 * Reads the kernel command line into buffer, of size bytes. Returns its length or an error; no
 * such file is an error on the running machine only.
 */
ssize_t load_cmdline(struct machine *machine, char *buffer, size_t size);

/*
 * Reads what the host lives on from path, PROTECT_FILE or a copy of it; a file that is missing or
 * makes no sense is unknown. Returns 0 or what was wrong: -ENOENT, or another error.
 */
int load_protect(struct machine *machine, const char *path, struct protect *protect);

/* What it read last. */
struct text load_protect_text(void);

/* The name of an errno, EIO and the like, for a negative error. */
const char *error_name(int err);

#endif
