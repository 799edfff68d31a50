/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_check.h"

#include "base/complain.h"
#include "base/mistakes.h"
#include "base/temp_dir.h"
#include "host/kernels.h"
#include "host/read_host.h"
#include "host/trial_state.h"
#include "image_model.h"
#include "image_policy.h"
#include "payload/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* An image beside the payload that would be built now. */
struct comparison {
	struct image_check *check;
	const char *root, *path; /* of the image */
	struct image_parts parts;
	struct machine machine;
	struct host *host;  /* the machine with the policy of /etc; NULL where it cannot be seen */
	struct machine now; /* the payload, if it was built */
	bool built;
};

__attribute__((format(printf, 4, 5))) static void comparison_add(struct comparison *all,
								 const char *check,
								 enum finding_kind kind,
								 const char *how, ...)
{
	struct image_check_row *finding = &all->check->findings[all->check->count++];
	va_list arguments;

	finding->check = check;
	finding->kind = kind;
	va_start(arguments, how);
	(void)vsnprintf(finding->detail, sizeof(finding->detail), how, arguments);
	va_end(arguments);
}

static bool comparison_is_same(struct machine *machine, const char *path, struct text text)
{
	int fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK);
	char buffer[16384];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0) {
		if ((size_t)n > text.len || memcmp(buffer, text.at, (size_t)n) != 0)
			break;
		text.at += n;
		text.len -= (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	return n == 0 && text.len == 0;
}

/* Whether what would be built for the image's kernel now is worth a comparison. */
static bool can_compare(struct comparison *all)
{
	char path[MACHINE_PATH_SIZE];

	return all->built && kernel_dir(&all->machine, all->check->release, path);
}

/* Adds what is amiss with a part by itself. Returns false where nothing is. */
static bool add_own(struct comparison *all, enum part part)
{
	const struct image_finding *own = &all->parts.own[part];

	if (own->kind != FOUND_RIGHT)
		comparison_add(all, part_word(part), own->kind, "%s", own->detail);
	return own->kind != FOUND_RIGHT;
}

static void check_plan(struct comparison *all)
{
	const char *release = all->check->release;

	if (add_own(all, PART_PLAN))
		return;
	if (all->parts.lacks_vfio_pci && !all->check->mistakes)
		comparison_add(all, "plan", FOUND_WRONG, "kernel %s has no vfio-pci", release);
	else if (!can_compare(all))
		comparison_add(all, "plan", FOUND_UNPROVEN, "kernel %s is not installed here",
			       release);
	else if (!comparison_is_same(&all->now, IMAGE_PLAN_FILE,
				     image_content(&all->parts.tree, IMAGE_PLAN_FILE)))
		comparison_add(all, "plan", FOUND_OUTDATED, "not as it would be made now");
	else
		comparison_add(all, "plan", FOUND_RIGHT, "for kernel %s", release);
}

/* The first module that is not that of the installed kernel, or an empty name. */
static struct text find_outdated(struct comparison *all)
{
	struct text rest = image_content(&all->parts.tree, IMAGE_PLAN_FILE), release;
	char path[MACHINE_PATH_SIZE], name[NAME_SIZE];
	struct module_step step;

	if (!modplan_open(&rest, &release))
		return text_of("");
	while (modplan_next(&rest, &step) > 0) {
		struct text content;

		(void)snprintf(name, sizeof(name), "%.*s", (int)step.file.len, step.file.at);
		if (step.builtin || step.variant ||
		    !join(path, sizeof(path), IMAGE_MODULES_DIR, name, ""))
			continue;
		content = image_content(&all->parts.tree, path);
		if (content.len && !comparison_is_same(&all->now, path, content))
			return step.file;
	}
	return text_of("");
}

/* A module that is missing or none comes before one that is outdated. */
static void check_modules(struct comparison *all)
{
	bool compare = can_compare(all);
	enum finding_kind own = all->parts.own[PART_MODULES].kind;
	struct text outdated = compare && own < FOUND_OUTDATED ? find_outdated(all) : text_of("");

	if (outdated.len)
		comparison_add(all, "modules", FOUND_OUTDATED,
			       "%.*s is not that of the installed kernel", (int)outdated.len,
			       outdated.at);
	else if (add_own(all, PART_MODULES))
		return;
	else if (all->parts.loads && !compare)
		comparison_add(all, "modules", FOUND_UNPROVEN, "%zu, with nothing to compare with",
			       all->parts.loads);
	else
		comparison_add(all, "modules", FOUND_RIGHT, "%zu, and %zu built in",
			       all->parts.loads, all->parts.builtins);
}

static void comparison_plan(struct comparison *all)
{
	check_plan(all);
	if (all->parts.plan_makes_sense)
		check_modules(all);
}

static void check_binder(struct comparison *all)
{
	struct text content = image_content(&all->parts.tree, IMAGE_BINDER_FILE);

	if (add_own(all, PART_BINDER))
		return;
	if (!machine_has(&all->machine, IMAGE_BINDER_FILE))
		comparison_add(all, "binder", FOUND_UNPROVEN,
			       "none is installed here to compare with");
	else if (!comparison_is_same(&all->machine, IMAGE_BINDER_FILE, content))
		comparison_add(all, "binder", FOUND_OUTDATED, "not the one that is installed");
	else
		comparison_add(all, "binder", FOUND_RIGHT, "as installed");
}

/* Notes what is amiss with a file of the policy, unless something is already. */
static void note_policy(char amiss[MACHINE_PATH_SIZE], const char *path, const char *how)
{
	if (!amiss[0])
		(void)join(amiss, MACHINE_PATH_SIZE, "/", path, how);
}

static void compare_policy_file(struct comparison *all, char amiss[MACHINE_PATH_SIZE])
{
	bool here = machine_has(&all->machine, POLICY_FILE);
	bool there = image_find(&all->parts.tree, POLICY_FILE);
	struct text content = image_content(&all->parts.tree, POLICY_FILE);

	if (here && !there)
		note_policy(amiss, POLICY_FILE, " is not in the image");
	else if (there && !here)
		note_policy(amiss, POLICY_FILE, " is in the image only");
	else if (there && !comparison_is_same(&all->machine, POLICY_FILE, content))
		note_policy(amiss, POLICY_FILE, " differs");
}

/* One that is switched off is as good as empty: the payload has it so. */
static bool is_same_drop_in(struct comparison *all, const struct drop_in *here,
			    const struct image_drop_in *there)
{
	struct text content = { 0 };

	if (!there->off)
		content = image_content(&all->parts.tree, there->path);
	return here->off ? !content.len : comparison_is_same(&all->machine, here->path, content);
}

/* What counts of the two folders, side by side in the order of the names. */
static void compare_drop_ins(struct comparison *all, char amiss[MACHINE_PATH_SIZE])
{
	struct image_drop_in there = { .name = NULL };
	struct drop_in here = { .name = "" };
	bool is_here = next_drop_in(&all->machine, &here) > 0;
	bool is_there = image_next_drop_in(&all->parts.tree, &there);

	while (is_here || is_there) {
		int order = is_here - is_there ? is_there - is_here : strcmp(here.name, there.name);

		if (order > 0)
			note_policy(amiss, there.path, " is in the image only");
		else if (order < 0 || strcmp(here.path, there.path) != 0)
			note_policy(amiss, here.path, " is not in the image");
		else if (!is_same_drop_in(all, &here, &there))
			note_policy(amiss, here.path, " differs");
		if (order <= 0)
			is_here = next_drop_in(&all->machine, &here) > 0;
		if (order >= 0)
			is_there = image_next_drop_in(&all->parts.tree, &there);
	}
}

static void check_policy(struct comparison *all)
{
	char amiss[MACHINE_PATH_SIZE] = "";

	compare_policy_file(all, amiss);
	compare_drop_ins(all, amiss);
	if (all->check->denied)
		comparison_add(all, "policy", FOUND_UNKNOWN, "that of /etc may not be read");
	else if (amiss[0])
		comparison_add(all, "policy", FOUND_OUTDATED, "%s", amiss);
	else
		comparison_add(all, "policy", FOUND_RIGHT, "as in /etc");
}

static void check_verdicts(struct comparison *all)
{
	static struct image_model model;

	image_model(&model, &all->parts, all->path, all->host);
	comparison_add(all, "verdicts", model.kind, "%s", model.detail);
	all->check->model = &model;
	all->check->elsewhere = model.kind == FOUND_UNKNOWN && !model.known;
}

/* What is mounted now, or a new network card, changes the list and does no harm. */
static void check_protect(struct comparison *all)
{
	static struct protect protect;
	struct text content = image_content(&all->parts.tree, PROTECT_FILE);

	if (!image_find(&all->parts.tree, PROTECT_FILE))
		comparison_add(all, "protect", FOUND_WRONG,
			       "/" PROTECT_FILE " is not in the image");
	else if (protect_parse(&protect, content))
		comparison_add(all, "protect", FOUND_WRONG, "/" PROTECT_FILE " makes no sense");
	else if (protect.unknown)
		comparison_add(all, "protect", FOUND_CHANGED,
			       "what the host lives on was not known when it was built");
	else if (!all->built)
		comparison_add(all, "protect", FOUND_UNPROVEN, "nothing to compare with");
	else if (!comparison_is_same(&all->now, PROTECT_FILE, content) && geteuid())
		comparison_add(all, "protect", FOUND_UNPROVEN,
			       "only root can read serial numbers: not known whether it changed");
	else if (!comparison_is_same(&all->now, PROTECT_FILE, content))
		comparison_add(all, "protect", FOUND_CHANGED,
			       "what the host lives on is not what it was");
	else
		comparison_add(all, "protect", FOUND_RIGHT, "what the host lives on");
}

/* Only an image that is on trial, or should be, has such a line. */
static void check_trial(struct comparison *all)
{
	char sentence[TRIAL_SENTENCE_SIZE];
	bool there = image_find(&all->parts.tree, TRIAL_FILE), wanted;
	struct trial_state state;

	trial_look(&state, &all->machine);
	wanted = state.stage != TRIAL_IS_NONE && state.stage != TRIAL_CONFIRMED;
	if (!there && !wanted)
		return;
	if (!there && all->built && machine_has(&all->now, TRIAL_FILE))
		comparison_add(all, "trial", FOUND_WRONG,
			       "/" TRIAL_FILE " is not in the image: "
			       "it binds without being on trial");
	else if (there && trial_is_off(&state))
		comparison_add(all, "trial", FOUND_WRONG, "%s", trial_sentence(&state, sentence));
	else if (there && wanted && all->built &&
		 !comparison_is_same(&all->now, TRIAL_FILE,
				     image_content(&all->parts.tree, TRIAL_FILE)))
		comparison_add(all, "trial", FOUND_WRONG,
			       "it is of another trial: nothing is bound");
	else if (there)
		comparison_add(all, "trial", FOUND_RIGHT, "%s",
			       wanted ? trial_sentence(&state, sentence) :
					"there is no trial any more: it binds in every boot");
}

static void add_part(struct comparison *all, enum part part)
{
	const struct image_finding *own = &all->parts.own[part];

	comparison_add(all, part_word(part), own->kind, "%s", own->detail);
}

static void check_all(struct comparison *all)
{
	add_part(all, PART_ARCHIVES);
	check_binder(all);
	check_policy(all);
	if (all->check->ours) {
		comparison_plan(all);
		check_protect(all);
		check_trial(all);
		check_verdicts(all);
	}
	all->check->order = &all->check->findings[all->check->count];
	add_part(all, PART_ORDER);
}

/* What it says was said, or will be, where an image is built. Returns an exit code. */
static int build_quietly(const char *root, const char *release, const char *dir, bool on_trial)
{
	size_t warned = warnings_count();
	int say = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), code;

	warnings_print();
	if (say >= 0 && null >= 0)
		(void)dup2(null, STDERR_FILENO);
	code = payload_write(root, release, dir, on_trial);
	warnings_forget(warned);
	if (say >= 0) {
		(void)dup2(say, STDERR_FILENO);
		(void)close(say);
	}
	if (null >= 0)
		(void)close(null);
	return code;
}

/* Compares with a payload built for the purpose, where one can be. */
static void check_beside_payload(struct comparison *all, const char *root)
{
	struct scratch scratch;
	bool made = all->check->release[0] && !scratch_make(&scratch);

	if (made)
		all->built = build_quietly(root, all->check->release, scratch.dir,
					   image_find(&all->parts.tree, TRIAL_FILE)) ==
				     EXIT_AS_CONFIGURED &&
			     !machine_open(&all->now, scratch.dir);
	check_all(all);
	if (all->built)
		machine_close(&all->now);
	if (made)
		scratch_remove(&scratch);
}

static bool can_look(struct machine *machine)
{
	return machine_has(machine, PCI_DEVICES);
}

static void take_note(struct comparison *all, struct mistakes *mistakes,
		      const struct policy *policy)
{
	mistakes_print(mistakes);
	all->check->mistakes = mistakes->diag.mistakes;
	all->check->denied = mistakes->diag.denied;
	all->check->configured = mistakes->diag.mistakes || policy_says_anything(policy);
}

/* Of a machine that cannot be looked at, as an image's own root, the policy alone. */
static void read_etc(struct comparison *all)
{
	static struct policy_text text;
	static struct policy policy;
	const struct options options = { .root = all->root };
	struct mistakes mistakes = MISTAKES_NONE;
	size_t warned = warnings_count();
	int code;

	if (can_look(&all->machine))
		all->host = host_read(&options, AT_BOOT, &code);
	warnings_forget(warned);
	if (all->host) {
		take_note(all, &all->host->mistakes, &all->host->judged.policy);
		return;
	}
	policy = (struct policy){ 0 };
	(void)load_policy(&all->machine, &text, &policy, &mistakes.diag);
	take_note(all, &mistakes, &policy);
	mistakes_free(&mistakes);
}

static int compare(struct comparison *all, const char *path, const char *release)
{
	struct image_check *check = all->check;
	int err = image_parts_read(&all->parts, path, release);

	if (err) {
		(void)join(check->failed, sizeof(check->failed), path, "", "");
		return err;
	}
	check->ours = all->parts.ours;
	check->init_is_binder = all->parts.init_is_binder;
	(void)join(check->generator, sizeof(check->generator), all->parts.generator, "", "");
	(void)join(check->release, sizeof(check->release), all->parts.release, "", "");
	read_etc(all);
	check_beside_payload(all, all->root);
	return 0;
}

int image_check(struct image_check *check, const char *root, const char *path, const char *release)
{
	static struct comparison all;
	int err;

	memset(&all, 0, sizeof(all));
	all.check = check;
	all.root = root;
	all.path = path;
	*check = (struct image_check){ 0 };
	err = machine_open(&all.machine, root);
	if (err) {
		(void)join(check->failed, sizeof(check->failed), root, "", "");
		return err;
	}
	err = compare(&all, path, release);
	if (all.host)
		host_free(all.host);
	image_parts_free(&all.parts);
	machine_close(&all.machine);
	return err;
}
