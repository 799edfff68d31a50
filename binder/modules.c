/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "modules.h"

#include "format.h"
#include "lines.h"
#include "log.h"
#include "sysfs.h"
#include "variant.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULES_DIR PAYLOAD_DIR "/modules/"

bool driver_exists(struct boot *boot, struct text driver)
{
	char path[MACHINE_PATH_SIZE];

	return driver_path(path, driver, "/bind") && machine_has(&boot->judged->machine, path);
}

/* The driver's own name, where a rule spells it otherwise. */
static bool find_spelling(struct boot *boot, struct text driver, char name[DRIVER_SIZE])
{
	static struct dir dir;
	const char *found;
	bool is_it = false;
	int err = dir_open(&boot->judged->machine, "sys/bus/pci/drivers", &dir);

	if (err)
		return false;
	while (!is_it && (found = dir_next(&dir, &err)))
		is_it = module_name_equal(text_of(found), driver) &&
			join(name, DRIVER_SIZE, found, "", "");
	dir_close(&dir);
	return is_it;
}

struct text driver_asked(const struct boot *boot, size_t index)
{
	const struct judgement *judged = boot->judged;

	return rule_driver(&judged->policy.rules[plan_verdict(&judged->plan, index).rule],
			   judged->steps, &judged->inventory.devices[index]);
}

const struct sought_driver *driver_sought(const struct boot *boot, struct text asked)
{
	for (size_t i = 0; i < boot->driver_count; i++)
		if (text_equal(boot->drivers[i].asked, asked))
			return &boot->drivers[i];
	return NULL;
}

/* Notes the driver of each device that is bound, once. */
static void drivers_list(struct boot *boot)
{
	const struct plan *plan = &boot->judged->plan;

	for (size_t i = 0; i < plan->selected_count; i++) {
		struct text asked;

		if (plan_verdict(plan, plan->selected[i]).kind != VERDICT_BIND)
			continue;
		asked = driver_asked(boot, plan->selected[i]);
		if (!driver_sought(boot, asked) && boot->driver_count < ARRAY_SIZE(boot->drivers))
			boot->drivers[boot->driver_count++].asked = asked;
	}
}

bool drivers_find(struct boot *boot)
{
	bool all = true;

	drivers_list(boot);
	for (size_t i = 0; i < boot->driver_count; i++) {
		struct sought_driver *driver = &boot->drivers[i];

		driver->there = driver_exists(boot, driver->asked) ||
				find_spelling(boot, driver->asked, driver->name);
		all &= driver->there;
	}
	return all;
}

int module_load(struct machine *machine, struct text file, const char *params)
{
	char path[MACHINE_PATH_SIZE], name[NAME_SIZE];
	int fd, err = 0;

	if (!text_copy(file, name, sizeof(name)))
		return -ENAMETOOLONG;
	(void)join(path, sizeof(path), MODULES_DIR, name, "");
	fd = machine_openat(machine, path, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	/* Stored uncompressed, so no flag: and the signature at its end stays good. */
	if (syscall(SYS_finit_module, fd, params, 0))
		err = -errno;
	(void)close(fd);
	return err == -EEXIST ? 0 : err;
}

static void load_step(struct boot *boot, const struct module_step *step)
{
	static struct module_params params;
	int err;

	if (step->builtin)
		return;
	module_params(&params, step->file, step->options, text_of(boot->judged->cmdline));
	if (params.ids.len) {
		boot->ids_dropped = true;
		log_line(LEVEL_WARNING, "%.*s: %.*s left out: it would take twins too",
			 (int)step->file.len, step->file.at, (int)params.ids.len, params.ids.at);
	}
	err = params.too_long ? -E2BIG :
				module_load(&boot->judged->machine, step->file, params.text);
	if (err)
		log_line(step->required ? LEVEL_ERROR : LEVEL_WARNING, "%.*s not loaded: %s",
			 (int)step->file.len, step->file.at, error_name(err));
}

static bool is_asked(const struct boot *boot, struct text driver)
{
	for (size_t i = 0; i < boot->driver_count; i++)
		if (module_name_equal(boot->drivers[i].asked, driver))
			return true;
	return false;
}

/* Below another root the program and its configuration would be the wrong ones. */
static int run_modprobe(struct boot *boot, char *const arguments[])
{
	static const char *const programs[] = { "/sbin/modprobe", "/usr/sbin/modprobe",
						"/bin/modprobe", "/usr/bin/modprobe" };
	char *environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" }, NULL };
	size_t i = 0;
	int status;
	pid_t child;

	while (i < ARRAY_SIZE(programs) && access(programs[i], X_OK))
		i++;
	if (boot->judged->machine.confined || i == ARRAY_SIZE(programs))
		return -ENOENT;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		(void)execve(programs[i], arguments, environment);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

/*
 * An ids= last on modprobe's line takes the place of one in modprobe.d or on the kernel's: it
 * would take twins past every guard.
 */
static int modprobe_driver(struct boot *boot, struct text driver)
{
	static char no_ids[] = "ids=";
	char module[DRIVER_SIZE];
	char *arguments[] = { (char[]){ "modprobe" }, module, no_ids, NULL };

	return text_copy(driver, module, sizeof(module)) ? run_modprobe(boot, arguments) :
							   -ENAMETOOLONG;
}

int modules_load_alias(struct boot *boot, struct address address)
{
	char alias[128];
	char *arguments[] = { (char[]){ "modprobe" }, (char[]){ "-bq" }, alias, NULL };
	ssize_t len = pci_read(&boot->judged->machine, address, "modalias", alias, sizeof(alias));

	return len < 0 ? (int)len : run_modprobe(boot, arguments);
}

void plan_read(struct judgement *judged, const char *path)
{
	struct utsname kernel;
	struct text release;
	ssize_t len =
		machine_read(&judged->machine, path, judged->modplan, sizeof(judged->modplan));

	judged->no_plan = NULL;
	judged->steps = (struct text){ judged->modplan, len > 0 ? (size_t)len : 0 };
	if (len < 0)
		judged->no_plan = error_name((int)len);
	else if (!modplan_open(&judged->steps, &release))
		judged->no_plan = "it makes no sense";
	else if (judged->machine.live && (uname(&kernel) || !text_is(release, kernel.release)))
		judged->no_plan = "it is for another kernel";
	if (judged->no_plan)
		judged->steps.len = 0;
}

/* Writes a variant line behind those there are, if it has room. */
static void add_variant(struct judgement *judged, struct text driver, struct text alias)
{
	size_t room = sizeof(judged->modplan) - judged->steps.len;

	if (driver.len + alias.len + sizeof("variant  \n") <= room)
		judged->steps.len +=
			format(judged->modplan + judged->steps.len, room, "variant %.*s %.*s\n",
			       (int)driver.len, driver.at, (int)alias.len, alias.at);
}

void plan_replace(struct judgement *judged)
{
	static struct lines lines;
	char path[MACHINE_PATH_SIZE], release[NAME_SIZE];
	struct text line, driver, alias;
	int err;

	if (!judged->no_plan || judged->steps.len || !policy_asks_auto(&judged->policy))
		return;
	if (machine_read_line(&judged->machine, "proc/sys/kernel/osrelease", release,
			      sizeof(release)) < 0 ||
	    !join(path, sizeof(path), "lib/modules/", release, "/modules.alias") ||
	    lines_open(&lines, &judged->machine, path))
		return;
	judged->steps.at = judged->modplan;
	while (lines_next(&lines, &line, &err))
		if (variant_parse(line, &driver, &alias))
			add_variant(judged, driver, alias);
	lines_close(&lines);
}

void modules_load(struct boot *boot)
{
	struct text plan = boot->judged->steps;
	struct module_step step;
	bool needed = true;
	int more;

	if (!boot->judged->machine.live)
		return;
	drivers_list(boot);
	for (size_t i = 0; boot->judged->no_plan && i < boot->driver_count; i++) {
		struct text driver = boot->drivers[i].asked;
		int failed = driver_exists(boot, driver) ? 0 : modprobe_driver(boot, driver);

		if (failed)
			log_line(LEVEL_ERROR, "no plan of modules (%s), and modprobe %.*s: %s",
				 boot->judged->no_plan, (int)driver.len, driver.at,
				 error_name(failed));
	}
	if (boot->judged->no_plan)
		return;
	/* On past a failure: what the others need may be there all the same. */
	while ((more = modplan_next(&plan, &step)) > 0)
		if (step.variant)
			needed = is_asked(boot, step.file);
		else if (needed)
			load_step(boot, &step);
	if (more < 0)
		log_line(LEVEL_ERROR, "the plan of modules ends in a line that makes no sense");
}
