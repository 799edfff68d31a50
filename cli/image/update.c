/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind update: has the images built by the generator in use, and looks at what it made. */
#include "base/arguments.h"
#include "base/child.h"
#include "base/json.h"
#include "base/mistakes.h"
#include "host/trial_state.h"
#include "kargs.h"
#include "rebuild.h"
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct update {
	struct machine machine;
	struct rebuild rebuild;
	struct rebuild_images images;
	bool failed;          /* a command did */
	uint32_t trial_boots; /* 0: no trial */
	struct policy_text policy_text;
	struct policy policy;
	struct json_object *status; /* what rpm-ostree says of it, or NULL */
};

/* The words of a step as a program takes them, in words. */
static void words_of(const struct rebuild_step *step, char words[][MACHINE_PATH_SIZE],
		     char *argv[REBUILD_WORDS_MAX + 1])
{
	memcpy(words, step->words, sizeof(step->words));
	for (size_t i = 0; i < step->count; i++)
		argv[i] = words[i];
	argv[step->count] = NULL;
}

static bool run(const struct options *options, const struct rebuild_step *step)
{
	char words[REBUILD_WORDS_MAX][MACHINE_PATH_SIZE];
	char *argv[REBUILD_WORDS_MAX + 1];

	words_of(step, words, argv);
	return child_run(options->root, step->program, argv);
}

/* What a command prints, as JSON; NULL where it fails. */
static struct json_object *ask(const struct options *options, const struct rebuild_step *step)
{
	static char said[1 << 20], words[REBUILD_WORDS_MAX][MACHINE_PATH_SIZE];
	char *argv[REBUILD_WORDS_MAX + 1];
	ssize_t len;

	words_of(step, words, argv);
	len = child_ask(options->root, step->program, argv, said, sizeof(said) - 1);
	said[len > 0 ? len : 0] = '\0';
	return len >= 0 ? json_tokener_parse(said) : NULL;
}

/* The deployment that comes first, of rpm-ostree's status; NULL where that does not say. */
static struct json_object *first_deployment(const struct update *update)
{
	struct json_object *deployments;

	if (!json_object_object_get_ex(update->status, "deployments", &deployments) ||
	    !json_object_is_type(deployments, json_type_array))
		return NULL;
	return json_object_array_get_idx(deployments, 0);
}

static void ask_rpm_ostree(struct update *update, const struct options *options)
{
	struct rebuild_step status = update->rebuild.steps[0];

	status.count = 1;
	if (rebuild_add_word(&status, "status", "") && rebuild_add_word(&status, "--json", ""))
		update->status = ask(options, &status);
}

/*
 * True for a system of ostree whose image comes with it. There rpm-ostree could be told to build
 * one on the host, but bootc would then update the system no more.
 */
static bool is_built_elsewhere(struct update *update)
{
	struct json_object *builds;
	char program[CHILD_PROGRAM_SIZE];

	if (!machine_has(&update->machine, "run/ostree-booted"))
		return false;
	if (json_object_object_get_ex(first_deployment(update), "regenerate-initramfs", &builds) &&
	    json_object_get_boolean(builds))
		return false;
	return !update->rebuild.generator || strcmp(update->rebuild.generator, "rpm-ostree") != 0 ||
	       child_find(&update->machine, "bootc", program);
}

/*
 * rpm-ostree keeps the arguments that dracut gets, of the deployment that comes first: they are
 * given again. With none it says "regeneration state is already enabled" and builds nothing; one
 * that it passes to dracut anyway makes it build
 * (rpm-ostree/src/daemon/rpmostreed-transaction-types.cxx:initramfs_state_transaction_execute).
 */
static bool keep_arguments(struct update *update)
{
	struct rebuild_step *step = &update->rebuild.steps[0];
	struct json_object *arguments = NULL;
	size_t count = 0;
	bool kept = first_deployment(update);

	if (json_object_object_get_ex(first_deployment(update), "initramfs-args", &arguments) &&
	    json_object_is_type(arguments, json_type_array))
		count = json_object_array_length(arguments);
	for (size_t i = 0; i < count; i++)
		kept = kept && rebuild_add_word(step, "--arg=",
						json_object_get_string(
							json_object_array_get_idx(arguments, i)));
	if (kept && !count)
		kept = rebuild_add_word(step, "--arg=", "--reproducible");
	return kept;
}

static void run_all(struct update *update, const struct options *options)
{
	/* A FAT file system has times of every other second only. */
	time_t since = time(NULL) - 2;

	for (size_t i = 0; i < update->rebuild.count; i++)
		update->failed |= !run(options, &update->rebuild.steps[i]);
	rebuild_list(&update->images, &update->machine, since);
}

/* The one a person has to do something about first. */
static int worse(int a, int b)
{
	static const int order[] = { EXIT_FAILED,  EXIT_PERMISSION, EXIT_USAGE,
				     EXIT_PENDING, EXIT_WARNINGS,   EXIT_NOT_CONFIGURED };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

/* Looks at every image that was built; prints what is not right, unless all is to be JSON. */
static int look(struct update *update, const struct options *options, struct json_object *rows)
{
	int code = EXIT_AS_CONFIGURED;

	for (size_t i = 0; i < update->images.count; i++) {
		char path[2 * MACHINE_PATH_SIZE];
		const struct verify verify = {
			.image = path,
			.print = options->json ? VERIFY_NEVER : VERIFY_IF_AMISS,
		};
		struct json_object *row = json_object_new_object();
		int one;

		(void)snprintf(path, sizeof(path), "%s/%s",
			       strcmp(options->root, "/") ? options->root : "",
			       update->images.paths[i]);
		one = verify_image(options, &verify);
		json_add_string(row, "image", path);
		json_add_string(row, "result", exit_word(one));
		(void)json_object_array_add(rows, row);
		if (!options->json)
			(void)printf("%s: %s\n", path, exit_word(one));
		code = worse(code, one);
	}
	return code;
}

static int judge(struct update *update, const struct options *options, struct json_object *rows)
{
	int code = look(update, options, rows);

	if (update->failed)
		return complain(EXIT_FAILED, "%s failed: see above", update->rebuild.generator);
	if (!update->images.count)
		return complain(EXIT_FAILED, "%s left no image in /boot or /efi to look at",
				update->rebuild.generator);
	return code;
}

static int rebuild_and_look(struct update *update, const struct options *options)
{
	struct json_object *object = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	int code;

	run_all(update, options);
	code = judge(update, options, rows);
	json_add_string(object, "result", exit_word(code));
	json_add_string(object, "generator", update->rebuild.generator);
	(void)json_object_object_add(object, "images", rows);
	if (options->json)
		json_print(object);
	else if (code == EXIT_AS_CONFIGURED)
		(void)puts("It takes effect with the next boot.");
	(void)json_object_put(object);
	return code;
}

/* A policy with a mistake binds nothing: nobody wants that image. */
static int read_policy(struct update *update)
{
	struct mistakes mistakes = MISTAKES_NONE;
	int code;

	if (load_policy(&update->machine, &update->policy_text, &update->policy, &mistakes.diag))
		return EXIT_AS_CONFIGURED;
	mistakes_print(&mistakes);
	code = mistakes_complain(&mistakes, "no image is built while the policy has a mistake");
	mistakes_free(&mistakes);
	return code;
}

/* What the images are to be is settled before the first of them is built. */
static int begin_trial(struct update *update)
{
	struct machine *machine = &update->machine;
	int err;

	err = update->trial_boots ?
		      trial_begin(machine, update->trial_boots, &update->policy_text) :
		      trial_forget(machine);
	if (!err)
		return EXIT_AS_CONFIGURED;
	if (err == -ENODEV && update->trial_boots)
		return complain(EXIT_FAILED,
				"no trial: its boots are counted in an EFI variable, and /%s has "
				"none; vfio-bind fallback makes a boot entry without vfio-bind",
				EFIVARS_DIR);
	return complain(EXIT_FAILED, "%s/%s: %s; no image was built",
			update->trial_boots ? "no trial: " : "", machine->failed, strerror(-err));
}

/*
 * The variable of an earlier trial goes once no image counts by it any more: without it, one that
 * failed would bind again.
 */
static int end_trial(struct update *update, int code)
{
	int err = 0;

	if (!update->trial_boots && code != EXIT_FAILED)
		err = trial_remove_variable(&update->machine);
	return err ? complain(EXIT_FAILED, "/%s: %s", update->machine.failed, strerror(-err)) :
		     code;
}

static int build(struct update *update, const struct options *options)
{
	const char *generator = update->rebuild.generator;
	int code;

	if (!generator && machine_has(&update->machine, "etc/NIXOS"))
		return complain(EXIT_FAILED, "this is NixOS: the image is built with the system, "
					     "by nixos-rebuild boot");
	if (!generator)
		return complain(EXIT_FAILED,
				"no image generator is known here: build the image by hand, or "
				"see vfio-bind overlay");
	if (!strcmp(generator, "rpm-ostree") && !keep_arguments(update))
		return complain(EXIT_FAILED,
				"rpm-ostree status does not say which arguments dracut "
				"gets: run rpm-ostree initramfs --enable by hand");
	code = begin_trial(update);
	return code == EXIT_AS_CONFIGURED ? end_trial(update, rebuild_and_look(update, options)) :
					    code;
}

static int update_machine(const struct options *options, uint32_t trial_boots)
{
	static struct update update;
	int code = arguments_open(options, &update.machine);
	bool with_rpm_ostree;

	if (code != EXIT_AS_CONFIGURED)
		return code;
	update.trial_boots = trial_boots;
	code = read_policy(&update);
	rebuild_find(&update.rebuild, &update.machine);
	with_rpm_ostree =
		update.rebuild.generator && !strcmp(update.rebuild.generator, "rpm-ostree");
	if (code == EXIT_AS_CONFIGURED && with_rpm_ostree)
		ask_rpm_ostree(&update, options);
	if (code != EXIT_AS_CONFIGURED)
		; /* it was told */
	else if (!is_built_elsewhere(&update))
		code = build(&update, options);
	else if (trial_boots)
		code = complain(EXIT_FAILED,
				"no trial: the image of this system is built elsewhere");
	else
		code = kargs_print(&update.machine, &update.policy, with_rpm_ostree, options);
	(void)json_object_put(update.status);
	machine_close(&update.machine);
	return code;
}

static int take_option(void *context, int option, const char *value)
{
	uint32_t *boots = context;

	(void)option; /* there is but one */
	*boots = 1;
	if (value && (!text_number(text_of(value), TRIAL_BOOTS_MAX, boots) || !*boots))
		return complain(EXIT_USAGE, "--trial=%s: expected 1 to %u boots", value,
				TRIAL_BOOTS_MAX);
	return -1;
}

int command_update(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "trial", optional_argument, NULL, 't' } };
	uint32_t trial_boots = 0;
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = take_option,
		.context = &trial_boots,
		.usage = "[--trial[=N]]",
	};
	int code = arguments_take(options, &arguments, argc, argv);

	if (code < 0)
		code = arguments_need_machine(options, argv[0], "to /boot");
	return code >= 0 ? code : update_machine(options, trial_boots);
}
