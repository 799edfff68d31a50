/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console of a kernel that says which program it starts, which process ends, and which driver
 * probes which device, and what follows for the image it boots:
 *
 *     sched_process_exec: filename=/init pid=1 old_pid=1          trace_event=, tp_printk
 *     sched_process_exit: comm=binder pid=155 prio=120            (include/trace/events/sched.h)
 *     bus: 'pci': really_probe: probing driver nvme with device 0000:01:00.0  drivers/base/dd.c
 *
 * From Linux 6.12 on the device stands before "bus:" instead.
 */
#ifndef BOOTLOG_H
#define BOOTLOG_H

#include "device.h"
#include "image_check.h"

struct boot_log {
	bool init_is_binder; /* set by the caller: the image's /init is the binder */
	bool traced;         /* there are lines about processes */
	bool probes_told;    /* and about drivers */
	bool lost;           /* the console left lines out */
	bool started;        /* process 1 runs a program: what was before is the kernel's own */
	uint32_t binder;     /* its process, or 0 */
	bool ended;          /* the binder has; as process 1 it has started the next init */
	char driver[NAME_SIZE], device[NAME_SIZE]; /* the first other driver's probe since */
};

/* Reads the next line of the console. */
void boot_log_read(struct boot_log *log, struct text line);

/* True once no later line can change what follows. */
bool boot_log_is_decided(const struct boot_log *log);

/* Writes what follows: right, wrong, or unknown. */
void boot_log_judge(const struct boot_log *log, struct image_check_row *finding);

#endif
