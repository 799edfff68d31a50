/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "late.h"

#include "apply.h"
#include "format.h"
#include "judge.h"
#include "lines.h"
#include "modules.h"
#include "out.h"
#include "report.h"
#include "scan.h"
#include "sriov.h"
#include "supervise.h"
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* What an event of ours says of itself: linux/lib/kobject_uevent.c:kobject_synth_uevent */
#define AGAIN       "SYNTH_ARG_AGAIN"
#define EVENT_AGAIN "add 00000000-0000-0000-0000-000000000000 AGAIN=1"

static const char *const dirs[] = { RUN_DIR, DEV_DIR };

static struct out out;

static int leave_seen(struct boot *boot, const char *dir)
{
	const struct inventory *inventory = &boot->judged->inventory;

	out_create(&out, &boot->judged->machine, dir, SEEN_NAME);
	for (size_t i = 0; i < inventory->count; i++) {
		char line[ADDRESS_SIZE + 1];
		size_t len = address_format(inventory->devices[i].address, line);

		if (boot->judged->plan.tallies[i].awaits)
			out_format(&out, "%s 0\n", line); /* as format_seen() has it */
		line[len++] = '\n';
		out_text(&out, (struct text){ line, len });
	}
	return out_commit(&out, 0);
}

static int leave_text(struct boot *boot, const char *dir, const char *name, struct text text)
{
	out_create(&out, &boot->judged->machine, dir, name);
	out_text(&out, text);
	return out_commit(&out, 0);
}

int late_leave(struct boot *boot, const char *dir)
{
	const struct judgement *judged = boot->judged;
	const char *plan_end = judged->steps.at + judged->steps.len;
	int err = 0;

	/* The texts stay where they were read to. */
	if (!judged->protect.unknown)
		err = leave_text(boot, dir, PROTECT_NAME, load_protect_text());
	if (!err && !judged->no_plan)
		err = leave_text(
			boot, dir, PLAN_NAME,
			(struct text){ judged->modplan, (size_t)(plan_end - judged->modplan) });
	return err ? err : leave_seen(boot, dir);
}

/* For driver=auto. Its modules were the image's: in the root there is modprobe. */
static void read_plan(struct boot *boot)
{
	struct judgement *judged = boot->judged;

	plan_read(judged, PLAN_FILE);
	for (size_t i = 0; judged->no_plan && i < ARRAY_SIZE(dirs); i++) {
		char path[MACHINE_PATH_SIZE];

		(void)join(path, sizeof(path), dirs[i], PLAN_NAME, "");
		plan_read(judged, path);
		if (judged->no_plan)
			continue;
		judged->no_plan = "it was the image's";
		return;
	}
}

/* Only if it is said twice: what is lost by mistake is bound by nobody. */
static bool is_gone(struct machine *machine, struct address address)
{
	return !pci_exists(machine, address, "uevent") && !pci_exists(machine, address, "uevent");
}

bool late_is_settled(struct boot *boot)
{
	struct machine *machine = &boot->judged->machine;
	char driver[DRIVER_SIZE];

	if (is_gone(machine, boot->late))
		return true;
	return !driver_read(machine, boot->late, driver) &&
	       driver_is_passthrough(text_of(driver)) && override_is_set(machine, boot->late);
}

int late_lock(struct machine *machine, bool wait)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, err = machine_mkdir(machine, RUN_DIR);

	fd = err ? err : machine_openat(machine, RUN_DIR "/lock", O_RDWR | O_CREAT);
	if (fd < 0 || !fcntl(fd, wait ? F_SETLKW : F_SETLK, &lock))
		return fd < 0 ? fd : 0;
	err = -errno;
	(void)close(fd);
	return err;
}

int late_begin(struct boot *boot)
{
	struct machine *machine = &boot->judged->machine;
	int err;

	/* In the child that the time limit is about, which is for what is done with the lock. */
	boot->locked_out = true;
	err = late_lock(machine, true);
	if (err)
		return err;
	time_start(boot);
	boot->locked_out = false;
	err = -ENOENT;
	for (size_t i = 0; err == -ENOENT && i < ARRAY_SIZE(dirs); i++) {
		char path[MACHINE_PATH_SIZE];

		(void)join(path, sizeof(path), dirs[i], PROTECT_NAME, "");
		err = load_protect(machine, path, &boot->judged->protect);
	}
	read_plan(boot);
	plan_replace(boot->judged);
	return 0;
}

/*
 * Of the function that is there now: "ADDRESS INODE", which one in its place will not have. held:
 * instead that its virtual functions are held back by us: with 0, which is no inode.
 */
#define SEEN_SIZE (ADDRESS_SIZE + 12)
static size_t format_seen(struct machine *machine, struct address address, bool held,
			  char line[SEEN_SIZE])
{
	char path[MACHINE_PATH_SIZE];
	size_t len = address_format(address, line);
	unsigned inode = 0;

	if (!held)
		inode = (unsigned)machine_inode(machine, pci_path(path, address, "uevent"));
	return len + format(line + len, SEEN_SIZE - len, " %u", inode);
}

static void note(struct machine *machine, struct address address, bool held)
{
	int fd = machine_openat(machine, RUN_DIR SEEN_NAME, O_WRONLY | O_APPEND | O_CREAT);
	char line[SEEN_SIZE + 1];
	size_t len = format_seen(machine, address, held, line);

	line[len++] = '\n';
	if (fd < 0)
		return;
	(void)!write(fd, line, len); /* else it is judged once more */
	(void)close(fd);
}

/* True if a file that was left, in whichever folder, has line a; or b, if there is one. */
static bool has_line(struct machine *machine, const char *file, const char *a, const char *b)
{
	static struct lines lines;
	char path[MACHINE_PATH_SIZE];
	struct text line;
	bool found = false;
	int err;

	for (size_t i = 0; !found && i < ARRAY_SIZE(dirs); i++) {
		(void)join(path, sizeof(path), dirs[i], file, "");
		if (lines_open(&lines, machine, path))
			continue;
		while (!found && lines_next(&lines, &line, &err))
			found = text_is(line, a) || (b && text_is(line, b));
		lines_close(&lines);
	}
	return found;
}

/* True if a pass has seen to the function; boots, if that of the boot counts as well. */
static bool was_seen(struct machine *machine, struct address address, bool boots)
{
	char seen[SEEN_SIZE], name[ADDRESS_SIZE];

	(void)format_seen(machine, address, false, seen);
	(void)address_format(address, name);
	return has_line(machine, SEEN_NAME, seen, boots ? name : NULL);
}

/* Not where somebody else holds them back. */
static bool we_hold(struct machine *machine, struct address physfn)
{
	char line[SEEN_SIZE];

	(void)format_seen(machine, physfn, true, line);
	return sriov_is_held(machine, physfn) && has_line(machine, SEEN_NAME, line, NULL);
}

void late_again(struct boot *boot)
{
	if (getenv(AGAIN) || fork())
		return;
	(void)pci_write(&boot->judged->machine, boot->late, "uevent", EVENT_AGAIN);
	_exit(0);
}

bool late_is_called_off(struct boot *boot)
{
	return has_line(&boot->judged->machine, REPORT_NAME, "# " NOTE_TRIAL_FAILED,
			"# " NOTE_TRIAL_UNKNOWN);
}

static bool is_sibling(const struct device *device, const struct device *late)
{
	return device->is_virtual && device->physfn == late->physfn;
}

/* A driver of the host gets the virtual functions that no rule has chosen, as soon as it can. */
static void probe_others(struct boot *boot, struct address physfn)
{
	struct machine *machine = &boot->judged->machine;
	const struct inventory *inventory = &boot->judged->inventory;
	const struct device *late = &inventory->devices[boot->judged->only - 1];
	const struct plan *plan = &boot->judged->plan;
	bool loaded = false, awaits;

	if (!late->is_virtual || late->physfn == NO_DEVICE)
		return;
	awaits = plan->tallies[late->physfn].awaits;
	if (!awaits && !we_hold(machine, physfn))
		return;
	/* A pass that was killed may have left it at 1; or the rule is new. */
	if (awaits && !sriov_is_held(machine, physfn) && !sriov_autoprobe(machine, physfn, false) &&
	    !we_hold(machine, physfn))
		note(machine, physfn, true);
	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];

		/*
		 * Once: a driver that did not want it is not asked again. Of one that cannot be
		 * read nobody knows whether a rule chooses it.
		 */
		if (!is_sibling(device, late) || device->driver[0] || device->unreadable ||
		    plan_verdict(plan, i).kind == VERDICT_BIND ||
		    override_is_set(machine, device->address) ||
		    was_seen(machine, device->address, false))
			continue;
		if (!loaded) /* they are all of one kind */
			(void)modules_load_alias(boot, device->address);
		loaded = true;
		(void)sriov_probe(machine, device->address);
		note(machine, device->address, false);
	}
	if (!awaits)
		(void)sriov_autoprobe(machine, physfn, true);
}

static int look_and_decide(struct boot *boot, bool *there)
{
	struct decision decision;
	size_t index;
	int err = scan(&boot->judged->machine, &boot->judged->inventory);

	if (err)
		return err;
	index = inventory_find(&boot->judged->inventory, boot->late);
	*there = index != NO_DEVICE;
	boot->decided = !*there;
	if (!*there)
		return 0;
	boot->judged->only = index + 1;
	err = judge(boot->judged, &decision);
	boot->decided = !err;
	return err;
}

/* One that no rule has chosen, and that no driver was let at so far. */
static bool is_held_back(struct boot *boot)
{
	const struct device *device = &boot->judged->inventory.devices[boot->judged->only - 1];

	return device->is_virtual && !device->driver[0];
}

/* What was thought of a device on its way out, or failed for it, is no error. */
static void forget_gone(struct boot *boot)
{
	struct plan *plan = &boot->judged->plan;
	size_t kept = 0;

	for (size_t i = 0; i < plan->selected_count; i++) {
		uint16_t index = plan->selected[i];

		if (!is_gone(&boot->judged->machine,
			     boot->judged->inventory.devices[index].address))
			plan->selected[kept++] = index;
	}
	plan->selected_count = kept;
}

int late_work(struct boot *boot)
{
	struct machine *machine = &boot->judged->machine;
	/*
	 * udev tells at each start of all devices there are, and the boot's pass has judged those
	 * it saw. Not the kernel's own event: linux/Documentation/ABI/testing/sysfs-uevent.
	 */
	bool judged = getenv("SYNTH_UUID") && !getenv(AGAIN) && was_seen(machine, boot->late, true);
	bool there = false, complete;
	struct address physfn;
	int err;

	/* What is left then is to make the virtual functions of one that has its driver by now. */
	if (judged && !pci_exists(machine, boot->late, "sriov_totalvfs"))
		return 0;
	/* Before the scan, which then has them all. */
	complete =
		!sriov_physfn(machine, boot->late, &physfn) && sriov_is_complete(machine, physfn);
	err = look_and_decide(boot, &there);
	if (err || !there)
		return err;
	if (judged)
		boot->judged->plan.selected_count = 0;
	else if (!boot->dry_run)
		err = apply(boot);
	forget_gone(boot);
	if (err || boot->dry_run)
		return err;
	if (!judged && !is_held_back(boot))
		note(machine, boot->late, false);
	if (!judged && boot->judged->plan.tallies[boot->judged->only - 1].awaits)
		note(machine, boot->late, true);
	if (complete)
		probe_others(boot, physfn);
	sriov_make(boot);
	return 0;
}
