/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind apply and release: the boot's own work on the running host, under the same guards. */
#include "apply.h"
#include "base/arguments.h"
#include "base/names.h"
#include "base/table.h"
#include "deadline.h"
#include "give_back.h"
#include "host/find_device.h"
#include "host/read_host.h"
#include "judge.h"
#include "log.h"
#include "modules.h"
#include "override_gate.h"
#include "release.h"
#include "report.h"
#include "sriov.h"
#include "supervise.h"
#include "sysfs.h"

#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct table_column columns[] = {
	{ "ADDRESS", "address", 12, 0, false }, { "RESULT", "result", 10, 0, false },
	{ "DRIVER", "driver", 8, 0, false },    { "RULE", "rule", 20, 0, false },
	{ "DETAIL", "detail", 20, 0, false },
};

static const struct table table = { .columns = columns, .count = ARRAY_SIZE(columns) };

/*
 * With an ids= behind those of modprobe.d and the kernel command line, the last of which counts:
 * they would take twins past every guard.
 */
static int load_driver(struct kmod_ctx *kmod, struct text driver)
{
	struct kmod_list *list = NULL, *item;
	char name[DRIVER_SIZE] = "";
	int err;

	memcpy(name, driver.at, driver.len);
	err = kmod_module_new_from_lookup(kmod, name, &list);
	if (!err && !list)
		err = -1;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		err = kmod_module_probe_insert_module(module, 0, "ids=", NULL, NULL, NULL);
		(void)kmod_module_unref(module);
	}
	(void)kmod_module_unref_list(list);
	return err;
}

/*
 * Before supervise(), whose time limit is for writes that never return: a module and all it
 * needs may take longer on a busy machine. Loaded before its device is there, it takes nothing.
 */
static void load_modules(struct boot *boot)
{
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);

	for (size_t i = 0;
	     kmod && boot->judged->machine.live && i < boot->judged->plan.selected_count; i++) {
		size_t index = boot->judged->plan.selected[i];
		struct text driver;

		if (plan_verdict(&boot->judged->plan, index).kind != VERDICT_BIND)
			continue;
		driver = driver_asked(boot, index);
		if (!driver_exists(boot, driver) && load_driver(kmod, driver))
			(void)complain(EXIT_FAILED, "%.*s cannot be loaded", (int)driver.len,
				       driver.at);
	}
	if (kmod)
		(void)kmod_unref(kmod);
}

static void modules_are_loaded(struct boot *boot)
{
	(void)boot;
}

/* The host that is worked on: supervise() hands on its boot only. */
static struct host *working;

/* Judges anew, and this time keeps the disks it claims until their device is unbound. */
static int work(struct boot *boot)
{
	int err;

	for (size_t i = 0; i < boot->judged->inventory.count; i++)
		boot->judged->inventory.devices[i].known &= (uint16_t)~FACT_DISKS;
	err = judge(boot->judged, &working->decision);
	boot->decided = !err;
	if (!err) {
		give_back_taken(boot);
		err = apply(boot);
	}
	if (!err)
		sriov_make(boot); /* who gets them udev sees to */
	return err ? EXIT_FAILED : EXIT_AS_CONFIGURED;
}

static const char *result_of(const struct boot *boot, size_t index)
{
	if (boot->outcomes[index].given_back)
		return "given-back";
	switch (plan_verdict(&boot->judged->plan, index).kind) {
	case VERDICT_NONE:
		break;
	case VERDICT_BIND:
		return outcome_is_good(boot, index) ? "bound" : "failed";
	case VERDICT_KEEP:
		return "kept";
	case VERDICT_REFUSE:
		return "refused";
	}
	return "";
}

static struct json_object *make_row(const struct boot *boot, size_t index, const char *result,
				    const char *driver, const char *detail)
{
	struct verdict verdict = plan_verdict(&boot->judged->plan, index);
	struct json_object *row = json_object_new_object();
	char address[ADDRESS_SIZE];

	(void)address_format(boot->judged->inventory.devices[index].address, address);
	json_add_string(row, "address", address);
	json_add_string(row, "result", result);
	json_add_string(row, "driver", driver);
	if (verdict.kind == VERDICT_NONE)
		json_add_string(row, "rule", "");
	else
		json_add_place(row, "rule", &boot->judged->policy.rules[verdict.rule]);
	json_add_string(row, "detail", detail);
	return row;
}

static struct json_object *row_of(const struct boot *boot, size_t index)
{
	struct verdict verdict = plan_verdict(&boot->judged->plan, index);
	const char *driver = boot->judged->inventory.devices[index].driver;
	char failure[FAILURE_SIZE] = "";

	if (boot->outcomes[index].given_back)
		driver = boot->outcomes[index].after;
	if (verdict.kind == VERDICT_REFUSE)
		return make_row(boot, index, result_of(boot, index), driver,
				reason_text(verdict.reason));
	if (verdict.kind == VERDICT_BIND) {
		driver = boot->outcomes[index].after;
		report_failure(boot, index, failure);
	}
	return make_row(boot, index, result_of(boot, index), driver, failure);
}

/*
 * Looks at the driver link and at nothing else of the device: its attributes may take the lock
 * that a write which hangs holds (linux/drivers/base/dd.c:device_driver_detach).
 */
static void say_cut_short(struct boot *boot, size_t index, enum step step, const char *how)
{
	const struct device *device = &boot->judged->inventory.devices[index];
	char address[ADDRESS_SIZE], driver[DRIVER_SIZE];

	(void)address_format(device->address, address);
	(void)driver_read(&boot->judged->machine, device->address, driver);
	(void)complain(EXIT_FAILED, "%s: %s at %s; its driver link: %s", address, how,
		       step_name(step), driver[0] ? driver : "none");
	if (!strcmp(how, "hung") && step == STEP_UNBIND && device->driver[0])
		(void)fprintf(stderr,
			      "%s does not let go of it, and what hangs stays behind. Until that "
			      "ends no other driver can have it: then run this again.\n",
			      device->driver);
}

static int code_of(struct boot *boot, enum ending ending)
{
	if (ending == NOT_STARTED)
		return complain(EXIT_FAILED, "no process can be started");
	if (ending != ENDED && boot->decided)
		apply_cut_short(boot, ending == HUNG);
	if (!boot->decided)
		return complain(EXIT_FAILED, "%s: it cannot be read", boot->judged->machine.failed);
	/* What hung: a device in a child of its own, or the work as a whole. */
	if (ending != ENDED && boot->device == NO_DEVICE)
		(void)complain(EXIT_FAILED, "%s at %s", ending == HUNG ? "hung" : "died",
			       step_name(boot->step));
	else if (ending == DIED)
		say_cut_short(boot, boot->device, boot->step, "died");
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++) {
		size_t index = boot->judged->plan.selected[i];

		if (boot->outcomes[index].hung)
			say_cut_short(boot, index, boot->outcomes[index].step, "hung");
	}
	if (boot->gate[0])
		(void)fprintf(stderr, OVERRIDE_GATED_NEXT ".\n", boot->gate);
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		if (!strcmp(result_of(boot, boot->judged->plan.selected[i]), "failed"))
			return EXIT_FAILED;
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		if (plan_verdict(&boot->judged->plan, boot->judged->plan.selected[i]).kind ==
		    VERDICT_REFUSE)
			return EXIT_GUARDED;
	return report_status(boot) == STATUS_DONE ? EXIT_AS_CONFIGURED : EXIT_FAILED;
}

static void print_result(int code, struct json_object *rows)
{
	struct json_object *object = json_object_new_object();

	json_add_string(object, "result", exit_word((enum exit_code)code));
	(void)json_object_object_add(object, "devices", rows);
	json_print(object);
	(void)json_object_put(object);
}

static int print_outcome(const struct options *options, const struct boot *boot, int code)
{
	struct json_object *rows = json_object_new_array();
	int printed = EXIT_AS_CONFIGURED;

	for (size_t i = 0; i < boot->judged->inventory.count; i++)
		if (boot->judged->plan.tallies[i].selected || boot->outcomes[i].given_back)
			(void)json_object_array_add(rows, row_of(boot, i));
	if (options->json) {
		print_result(code, rows);
		return code;
	}
	if (json_object_array_length(rows))
		printed = table_print(&table, rows, options);
	(void)json_object_put(rows);
	return printed == EXIT_AS_CONFIGURED ? code : printed;
}

/* What is done about a host's judgement, shared with the child that does it; or NULL. */
static struct boot *new_boot(struct host *host)
{
	struct boot *boot = mmap(NULL, sizeof(*boot), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	warnings_print(); /* a child would tell them once more */
	if (boot == MAP_FAILED) {
		(void)complain(EXIT_FAILED, "no memory");
		return NULL;
	}
	boot->judged = &host->judged;
	boot->device = NO_DEVICE;
	return boot;
}

int command_apply(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "", .table = &table };
	int code = arguments_take(options, &none, argc, argv), status;
	struct boot *boot;

	if (code < 0)
		code = arguments_need_machine(options, argv[0], "to the devices");
	if (code >= 0)
		return code;
	code = EXIT_FAILED;
	watch_begin();
	working = host_read(options, NOW, &code);
	watch_end();
	if (!working)
		return code;
	mistakes_print(&working->mistakes);
	if (working->mistakes.diag.mistakes)
		code = mistakes_code(&working->mistakes);
	else if (!policy_says_anything(&working->judged.policy))
		code = complain(EXIT_NOT_CONFIGURED, "there is no rule in /%s", POLICY_FILE);
	boot = code == EXIT_AS_CONFIGURED ? new_boot(working) : NULL;
	if (code == EXIT_AS_CONFIGURED && !boot)
		code = EXIT_FAILED;
	if (boot) {
		load_modules(boot);
		boot->load_modules = modules_are_loaded;
		code = code_of(boot, supervise(boot, work, &status));
		code = print_outcome(options, boot, code);
		(void)munmap(boot, sizeof(*boot));
	}
	host_free(working);
	return code;
}

static int give_back(struct boot *boot)
{
	struct outcome *outcome = &boot->outcomes[boot->device];
	const struct device *device = &boot->judged->inventory.devices[boot->device];
	struct machine *machine = &boot->judged->machine;
	int done;

	/* Of an ids=, or of a new_id as driverctl writes one: its driver would take it right back. */
	if (device->passthrough)
		driver_forget_id(machine, text_of(device->driver), device->vendor, device->device);
	done = release_device(machine, device->address);
	outcome->err = done < 0 ? done : 0;
	outcome->given_back = !done;
	if (done == -EPERM)
		return EXIT_GUARDED;
	return done < 0 ? EXIT_FAILED : EXIT_AS_CONFIGURED;
}

static void print_released(struct boot *boot, size_t index, int code)
{
	const struct outcome *outcome = &boot->outcomes[index];
	struct json_object *rows = json_object_new_array();
	char driver[DRIVER_SIZE];

	(void)driver_read(&boot->judged->machine, boot->judged->inventory.devices[index].address,
			  driver);
	(void)json_object_array_add(rows, make_row(boot, index,
						   code == EXIT_GUARDED ? "refused" :
						   outcome->err         ? "failed" :
						   outcome->given_back  ? "released" :
									  "kept",
						   driver,
						   code == EXIT_GUARDED ? "is a bridge" :
						   outcome->hung        ? "hung: unbind" :
						   outcome->err         ? error_name(outcome->err) :
									  ""));
	print_result(code, rows);
}

/* Returns an exit code; what went wrong is left in the device's outcome too. */
static int release(struct boot *boot, size_t index)
{
	struct outcome *outcome = &boot->outcomes[index];
	int status = EXIT_FAILED;
	enum ending ending;

	boot_at(boot, STEP_UNBIND, index);
	ending = supervise(boot, give_back, &status);
	switch (ending) {
	case ENDED:
		return status;
	case HUNG:
	case DIED:
		outcome->hung = ending == HUNG;
		outcome->err = outcome->hung ? -ETIMEDOUT : -EINTR;
		say_cut_short(boot, index, STEP_UNBIND, outcome->hung ? "hung" : "died");
		if (outcome->hung)
			(void)fputs("Is a virtual machine using it?\n", stderr);
		return EXIT_FAILED;
	case NOT_STARTED:
		outcome->err = -EAGAIN;
		break;
	}
	return complain(EXIT_FAILED, "no process can be started");
}

int command_release(struct options *options, int argc, char *argv[])
{
	static const struct arguments one = { .min = 1, .max = 1, .usage = "ADDRESS|/dev/NODE" };
	int code = arguments_take(options, &one, argc, argv);
	struct host *host;
	struct boot *boot;
	size_t index;

	if (code < 0)
		code = arguments_need_machine(options, argv[0], "to the devices");
	if (code >= 0)
		return code;
	watch_begin();
	host = host_read(options, NOW, &code);
	if (!host)
		return code;
	code = what_find(host, argv[optind], &index);
	watch_end();
	boot = code == EXIT_AS_CONFIGURED ? new_boot(host) : NULL;
	if (code == EXIT_AS_CONFIGURED && !boot)
		code = EXIT_FAILED;
	if (boot) {
		code = release(boot, index);
		if (options->json)
			print_released(boot, index, code);
		(void)munmap(boot, sizeof(*boot));
	}
	if (code == EXIT_AS_CONFIGURED &&
	    plan_verdict(&host->judged.plan, index).kind == VERDICT_BIND)
		(void)fprintf(stderr, "The policy still chooses it: vfio-bind remove %s\n",
			      argv[optind]);
	host_free(host);
	return code;
}
