/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot_log.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXEC  "sched_process_exec: filename="
#define EXIT  "sched_process_exit: comm="
#define PROBE "really_probe: probing driver "
#define PCI   "bus: 'pci': " PROBE

/* What follows the first place where the line has these words; nothing where it has not. */
static struct text behind(struct text line, const char *words)
{
	const char *at = line.at ? memmem(line.at, line.len, words, strlen(words)) : NULL;

	if (!at)
		return (struct text){ 0 };
	at += strlen(words);
	return (struct text){ at, line.len - (size_t)(at - line.at) };
}

/* The number behind " pid=", or 0. */
static uint32_t pid_in(struct text event)
{
	struct text rest = behind(event, " pid="), word;
	uint32_t pid = 0;

	return text_cut(&rest, ' ', &word) && text_number(word, INT32_MAX, &pid) ? pid : 0;
}

static void read_exec(struct boot_log *log, struct text event)
{
	uint32_t pid = pid_in(event);
	struct text name = event;

	if (!pid)
		return;
	name.len = (size_t)(behind(event, " pid=").at - event.at) - strlen(" pid=");
	log->traced = true;
	if (pid == 1 && log->binder == 1)
		log->ended = true;
	log->started |= pid == 1;
	if (log->started && !log->binder &&
	    (text_ends(name, "/vfio-bind/binder") ||
	     (pid == 1 && log->init_is_binder && text_is(name, "/init"))))
		log->binder = pid;
}

static void read_exit(struct boot_log *log, struct text event)
{
	uint32_t pid = pid_in(event);

	log->traced |= pid > 0;
	log->ended |= pid && pid == log->binder;
}

/* The last word before "bus:", without its colon. */
static struct text device_before(struct text line)
{
	const char *bus = memmem(line.at, line.len, PCI, strlen(PCI));
	struct text rest = { line.at, (size_t)(bus - line.at) }, word, device = { 0 };

	while (text_cut(&rest, ' ', &word))
		if (word.len)
			device = word;
	if (text_ends(device, ":"))
		device.len--;
	return device;
}

static void read_probe(struct boot_log *log, struct text line)
{
	struct text rest = behind(line, PCI), driver, device;

	if (!text_cut(&rest, ' ', &driver) || !log->started || log->ended || log->driver[0] ||
	    text_is(driver, "pcieport") || driver_is_passthrough(driver))
		return;
	device = behind(rest, "with device ");
	if (!device.len)
		device = device_before(line);
	(void)snprintf(log->driver, NAME_SIZE, "%.*s", (int)driver.len, driver.at);
	(void)snprintf(log->device, NAME_SIZE, "%.*s", (int)device.len, device.at);
	make_printable(log->driver);
	make_printable(log->device);
}

void boot_log_read(struct boot_log *log, struct text line)
{
	while (line.len && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == ' '))
		line.len--;
	log->lost |= behind(line, " printk messages dropped").at != NULL;
	log->probes_told |= behind(line, PROBE).at != NULL;
	if (behind(line, EXEC).len)
		read_exec(log, behind(line, EXEC));
	else if (behind(line, EXIT).len)
		read_exit(log, behind(line, EXIT));
	else
		read_probe(log, line);
}

bool boot_log_is_decided(const struct boot_log *log)
{
	return log->driver[0] || log->ended;
}

__attribute__((format(printf, 3, 4))) static void say(struct image_check_row *finding,
						      enum finding_kind kind, const char *how, ...)
{
	va_list arguments;

	finding->kind = kind;
	va_start(arguments, how);
	(void)vsnprintf(finding->detail, sizeof(finding->detail), how, arguments);
	va_end(arguments);
}

void boot_log_judge(const struct boot_log *log, struct image_check_row *finding)
{
	if (log->driver[0])
		say(finding, FOUND_WRONG, "booted: %s probed %s before the binder had %s",
		    log->driver, log->device, log->binder ? "ended" : "started");
	else if (!log->traced)
		say(finding, FOUND_UNKNOWN, "booted: the kernel does not say what it starts");
	else if (!log->probes_told)
		say(finding, FOUND_UNKNOWN, "booted: the kernel does not say what drivers do");
	else if (log->lost)
		say(finding, FOUND_UNKNOWN, "booted: the console left lines out");
	else if (log->ended)
		say(finding, FOUND_RIGHT,
		    "booted: the binder ended before any other driver "
		    "probed a device");
	else
		say(finding, FOUND_UNKNOWN,
		    "booted: the binder did not %s, and nothing else "
		    "probed a device",
		    log->binder ? "end" : "start");
}
