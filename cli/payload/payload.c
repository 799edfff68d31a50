/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind payload: the tree every image generator copies as it is. */
#include "payload.h"

#include "base/arguments.h"
#include "base/complain.h"
#include "base/mistakes.h"
#include "host/trial_state.h"
#include "modplan.h"
#include "module_plan.h"
#include "policy_copy.h"
#include "protect/host_use.h"
#include "protect/protect_list.h"
#include "stamp.h"
#include "tree.h"
#include "variant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINDER_FILE PAYLOAD_DIR "/binder"
#define PLAN_FILE   PAYLOAD_DIR "/plan"
#define MODULES_DIR PAYLOAD_DIR "/modules/"

struct payload {
	const char *release, *dir;
	struct machine machine;
	struct tree tree;
	struct policy_text policy_text;
	struct policy policy;
	struct mistakes mistakes;
	struct moduleplan plan;
	struct inventory inventory;
	struct host_use host;
	struct trial trial;
	bool on_trial;
	int binder; /* file descriptor of the program to copy */
};

/* Returns an exit code. */
static int fail(const char *what, int err)
{
	enum exit_code code = err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;

	return complain(code, "%s: %s", what, strerror(-err));
}

/* Writes a file whose text write() prints. */
static int write_text(struct payload *payload, const char *path, size_t limit,
		      void (*print)(struct payload *payload, FILE *out))
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return -ENOMEM;
	print(payload, out);
	err = fclose(out) ? -ENOMEM : 0;
	if (!err && len >= limit)
		warn("%s is %zu bytes long, more than the boot reads", path, len);
	if (!err)
		err = tree_write(&payload->tree, path, (struct text){ text, len });
	free(text);
	return err;
}

static void print_plan(struct payload *payload, FILE *out)
{
	moduleplan_write(&payload->plan, out);
}

static void print_protect(struct payload *payload, FILE *out)
{
	host_use_write(&payload->host, out);
}

static bool named_before(const struct policy *policy, size_t rule)
{
	for (size_t i = 0; i < rule; i++)
		if (text_equal(policy->rules[i].driver, policy->rules[rule].driver))
			return true;
	return text_is(policy->rules[rule].driver, DRIVER_DEFAULT);
}

/* vfio-pci in any case: a rule on the kernel command line may want it. */
static void add_drivers(struct payload *payload)
{
	static char names[POLICY_RULES_MAX][DRIVER_SIZE];

	moduleplan_add(&payload->plan, DRIVER_DEFAULT);
	for (size_t i = 0; i < payload->policy.rule_count; i++) {
		struct text driver = payload->policy.rules[i].driver;

		if (named_before(&payload->policy, i) || driver.len >= DRIVER_SIZE ||
		    text_is(driver, DRIVER_AUTO))
			continue;
		memcpy(names[i], driver.at, driver.len);
		names[i][driver.len] = '\0';
		moduleplan_add(&payload->plan, names[i]);
	}
	if (policy_asks_auto(&payload->policy) || payload->policy.accept_cmdline)
		moduleplan_add_variants(&payload->plan, &payload->machine,
					payload->host.hidden ? NULL : &payload->inventory);
	/* Without it the binder sees no EFI variable, and binds nothing. */
	if (payload->on_trial && !moduleplan_add_module(&payload->plan, EFIVARS_MODULE))
		warn("kernel %s has no %s: an image on trial binds nothing under it",
		     payload->release, EFIVARS_MODULE);
	if (payload->plan.full)
		warn("more than %u modules are needed: the last are left out", PLAN_MODULES_MAX);
}

static int store_modules(struct payload *payload)
{
	char file[NAME_SIZE], path[MACHINE_PATH_SIZE];
	int err = 0;

	for (size_t i = 0; !err && i < payload->plan.count; i++) {
		const struct planned_module *planned = &payload->plan.modules[i];

		if (planned->builtin || planned->left_out ||
		    moduleplan_repeats(&payload->plan, i) ||
		    !planned_file(planned, file, sizeof(file)) ||
		    !join(path, sizeof(path), MODULES_DIR, file, ""))
			continue;
		err = tree_unpack(&payload->tree, path, kmod_module_get_path(planned->module));
	}
	return err;
}

static int write_modules(struct payload *payload)
{
	int err = moduleplan_open(&payload->plan, &payload->machine, payload->release);

	if (err)
		return err;
	/* A policy with a mistake binds nothing, so nothing needs a driver. */
	if (!payload->mistakes.diag.mistakes)
		add_drivers(payload);
	err = store_modules(payload);
	if (!err)
		err = write_text(payload, PLAN_FILE, MODPLAN_BYTES_MAX, print_plan);
	moduleplan_close(&payload->plan);
	return err;
}

static int write_policy(struct payload *payload)
{
	int err = policy_copy(&payload->tree, &payload->machine);

	if (err ||
	    policy_copy_is_good(payload->dir, &payload->policy, payload->mistakes.diag.mistakes))
		return err;
	(void)join(payload->tree.failed, sizeof(payload->tree.failed),
		   "the policy changed while it was copied", "", "");
	return -EAGAIN;
}

static int write_trial(struct payload *payload)
{
	struct text text;
	char buffer[TRIAL_TEXT_SIZE];

	if (!payload->on_trial)
		return 0;
	text = (struct text){ buffer, trial_format(&payload->trial, buffer) };
	return tree_write(&payload->tree, TRIAL_FILE, text);
}

/* The binder last: without it the rest does nothing. */
static int write_payload(struct payload *payload)
{
	int code, err = tree_clear(&payload->tree);

	host_use_find(&payload->host, &payload->machine, &payload->inventory);
	payload->on_trial |=
		trial_for_image(&payload->machine, &payload->policy_text, &payload->trial);
	if (!err)
		err = write_trial(payload);
	if (!err)
		err = write_modules(payload);
	if (!err)
		err = write_text(payload, PROTECT_FILE, SIZE_MAX, print_protect);
	if (!err)
		err = write_policy(payload);
	if (!err)
		err = tree_copy(&payload->tree, BINDER_FILE, payload->binder, 0755);
	if (!err)
		return EXIT_AS_CONFIGURED;
	code = fail(payload->tree.failed, err);
	(void)tree_clear(&payload->tree);
	return code;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Clearing the place where a host has its own would leave it without. */
static bool is_root(const struct payload *payload)
{
	struct stat dir, read_from, own;

	return fstat(payload->tree.dir, &dir) || fstat(payload->machine.root, &read_from) ||
	       stat("/", &own) || is_same(&dir, &read_from) || is_same(&dir, &own);
}

static int write_to_dir(struct payload *payload)
{
	int code, err = tree_open(&payload->tree, payload->dir);

	if (err)
		return fail(payload->tree.failed, err);
	if (is_root(payload))
		code = complain(EXIT_USAGE, "%s: that is a machine itself, not an image",
				payload->dir);
	else
		code = write_payload(payload);
	tree_close(&payload->tree);
	return code;
}

/* The one that is installed; VFIO_BIND_BINDER names another, as one that was just built. */
static int open_binder(struct payload *payload)
{
	const char *path = getenv("VFIO_BIND_BINDER");
	struct stat st;

	if (path)
		payload->binder = open(path, O_RDONLY | O_CLOEXEC);
	else
		payload->binder = machine_openat(&payload->machine, BINDER_FILE, O_RDONLY);
	if (payload->binder < 0)
		return path ? -errno : payload->binder;
	if (!fstat(payload->binder, &st) && S_ISREG(st.st_mode) && st.st_size)
		return 0;
	(void)close(payload->binder);
	return -ENOEXEC;
}

static int build(struct payload *payload)
{
	const char *named = getenv("VFIO_BIND_BINDER");
	int code, err;

	payload->mistakes = (struct mistakes)MISTAKES_NONE;
	(void)load_policy(&payload->machine, &payload->policy_text, &payload->policy,
			  &payload->mistakes.diag);
	mistakes_print(&payload->mistakes);
	if (!payload->mistakes.diag.mistakes && !policy_says_anything(&payload->policy))
		return EXIT_NOT_CONFIGURED;
	if (payload->mistakes.diag.mistakes)
		warn("the policy has %u mistake%s: the image will bind nothing; "
		     "correct it and build the image again",
		     payload->mistakes.diag.mistakes,
		     payload->mistakes.diag.mistakes > 1 ? "s" : "");
	err = open_binder(payload);
	if (err)
		return fail(named ? named : "/" BINDER_FILE, err);
	code = write_to_dir(payload);
	(void)close(payload->binder);
	return code;
}

/* A release becomes the name of a directory and a word of a line. */
bool is_release(const char *text)
{
	struct text release = text_of(text);

	for (size_t i = 0; i < release.len; i++)
		if (release.at[i] <= ' ' || release.at[i] == '/' || release.at[i] == 0x7f)
			return false;
	return release.len && release.len < NAME_SIZE && release.at[0] != '.';
}

/* What the command's arguments say. */
int payload_write(const char *root, const char *release, const char *dir, bool on_trial)
{
	static struct payload payload;
	int code, err;

	memset(&payload, 0, sizeof(payload)); /* it may be the second one */
	payload.release = release;
	payload.dir = dir;
	payload.on_trial = on_trial;
	err = machine_open(&payload.machine, root);
	if (err)
		return fail(root, err);
	code = build(&payload);
	if (code != EXIT_USAGE)
		stamp_leave(&payload.machine, release, dir,
			    code == EXIT_AS_CONFIGURED ? &payload.policy_text : NULL);
	mistakes_free(&payload.mistakes);
	machine_close(&payload.machine);
	return code;
}

static int take_release(void *release, int option, const char *value)
{
	(void)option; /* there is but one */
	*(const char **)release = value;
	return -1;
}

int command_payload(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "kernel", required_argument, NULL, 'k' } };
	const char *release = NULL;
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take_release,
		.context = &release,
		.min = 1,
		.max = 1,
		.usage = "--kernel RELEASE DIR",
	};
	int code = arguments_take(options, &arguments, argc, argv);

	if (code < 0)
		code = arguments_need_machine(options, argv[0], NULL);
	if (code >= 0)
		return code;
	if (options->json)
		return arguments_refuse_json(options, "payload writes a directory: no --json");
	if (!release || !is_release(release))
		return complain(EXIT_USAGE, "payload: --kernel RELEASE, a name in /lib/modules");
	return payload_write(options->root, release, argv[optind], false);
}
