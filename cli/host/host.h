/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with its policy, read and judged: what every reading command starts from. */
#ifndef HOST_H
#define HOST_H

#include "base/command.h"
#include "base/mistakes.h"
#include "judgement.h"
#include "protect/host_use.h"

#define BUILTIN_MAX 64

/* Stands for the bridge above a device where it is not known, or was gone meanwhile. */
#define BRIDGE_GONE "ffffffff:ff:1f.7"

/* For which moment the policy is judged. */
enum moment {
	AT_BOOT, /* the next one: only drivers built into the kernel hold devices */
	NOW,     /* as it is, for apply */
};

/* What the next boot's vfio does with a device that has no IOMMU group: see noiommu.h. */
enum noiommu {
	NOIOMMU_UNREAD,  /* nobody asked yet */
	NOIOMMU_UNKNOWN, /* the kernel's configuration is not there */
	NOIOMMU_NEVER,   /* the kernel was built without the parameter */
	NOIOMMU_UNSET,
	NOIOMMU_SET,
};

struct host {
	struct judgement judged;
	struct decision decision;
	struct mistakes mistakes; /* of the policy: with any it has no rule */
	bool from_file;           /* read from a machine file: there is nothing to look at */
	char kernel[65];          /* its release, as in utsname */
	char drivers[DEVICE_MAX][DRIVER_SIZE];  /* who holds each device now */
	int16_t revisions[DEVICE_MAX];          /* -1 where none was read */
	char builtin[BUILTIN_MAX][DRIVER_SIZE]; /* drivers that are built in */
	size_t builtin_count;
	char protect_text[PROTECT_BYTES_MAX]; /* what judged.protect points into */
	struct host_use use;                  /* of the running machine */
	size_t own_rules;                     /* of the policy, before those of the command line */
	bool cmdline_known;                   /* there is one to read */
	enum noiommu noiommu;                 /* read when it is asked for */
	const struct host *original;          /* of host_again(), or NULL */
	size_t recalled; /* only the boot's report says the picture was there, or NO_DEVICE */
};

/* Finds the device an argument names, or complains. Returns an exit code. */
int host_find(const struct host *host, const char *argument, size_t *index);

/* True if the host keeps a screen though it gives that device and its card away. */
bool host_keeps_screen_beside(const struct host *host, size_t index);

/* The release of the kernel that runs; below a root, of the machine it is the root of. */
void host_running(struct host *host, char release[NAME_SIZE]);

/*
 * True if serial numbers are asked for, by rules or a protect list, and may not be read: before
 * Linux 7.2 only root can (sysfs-bus-pci, serial_number and config).
 */
bool host_hides_dsn(const struct host *host, const struct protect *protect);

bool host_is_builtin(const struct host *host, const char *driver);

#endif
