/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_check.h"

#include "base/complain.h"
#include "base/mistakes.h"
#include "base/temp_dir.h"
#include "host/trial_state.h"
#include "image_model.h"
#include "image_policy.h"
#include "modplan.h"
#include "payload/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An image beside the payload that would be built now. */
struct comparison {
	struct image_check *check;
	const char *release; /* that the caller says the image is for, or NULL */
	const char *root;
	struct image_tree image;
	struct machine machine;
	struct machine now; /* the payload, if it was built */
	bool built;
};

#define BINDER_FILE PAYLOAD_DIR "/binder"

__attribute__((format(printf, 4, 5))) static void comparison_add(struct comparison *all,
								 const char *check,
								 enum finding_kind kind,
								 const char *how, ...)
{
	struct image_finding *finding = &all->check->findings[all->check->count++];
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

#define PLAN_FILE   PAYLOAD_DIR "/plan"
#define MODULES_DIR PAYLOAD_DIR "/modules/"
#define ELF_MAGIC   "\177ELF"

/* The image's plan, read. */
struct plan_read {
	struct text text, release;
	size_t loads, builtins;
	bool makes_sense, has_vfio_pci;
};

static void read_plan(const struct image_tree *image, struct plan_read *plan)
{
	struct module_step step;
	struct text rest;
	int more = -1;

	*plan = (struct plan_read){ .text = image_content(image, PLAN_FILE) };
	rest = plan->text;
	if (modplan_open(&rest, &plan->release))
		while ((more = modplan_next(&rest, &step)) > 0) {
			if (step.variant)
				continue;
			++*(step.builtin ? &plan->builtins : &plan->loads);
			plan->has_vfio_pci |= module_name_equal(step.file, text_of("vfio-pci"));
		}
	plan->makes_sense = !more;
}

static const char *modules_of(const struct image_tree *image)
{
	return image_find(image, "lib/modules") ? "lib/modules" : "usr/lib/modules";
}

static bool has_kernel(const struct image_tree *image, const char *release)
{
	char path[IMAGE_PATH_SIZE];
	const struct image_file *file;

	(void)snprintf(path, sizeof(path), "%s/%s", modules_of(image), release);
	file = image_find(image, path);
	return file && S_ISDIR(file->mode);
}

/* The image's kernel, by its modules; of several the last. NULL if it has none. */
static const char *kernel_of(const struct image_tree *image)
{
	const char *name, *found = NULL;
	size_t at = 0;

	while ((name = image_next(image, modules_of(image), &at)))
		if (is_release(name) && has_kernel(image, name))
			found = name;
	return found;
}

static void comparison_find_release(struct comparison *all)
{
	char *release = all->check->release;
	const char *kernel = kernel_of(&all->image);
	struct plan_read plan;

	read_plan(&all->image, &plan);
	if (all->release)
		kernel = all->release;
	else if (plan.release.len && plan.release.len < NAME_SIZE)
		kernel = NULL;
	(void)snprintf(release, NAME_SIZE, "%.*s", kernel ? NAME_SIZE - 1 : (int)plan.release.len,
		       kernel           ? kernel :
		       plan.release.len ? plan.release.at :
					  "");
	if (!is_release(release))
		release[0] = '\0';
}

/* Whether what would be built for the image's kernel now is worth a comparison. */
static bool can_compare(struct comparison *all)
{
	char path[MACHINE_PATH_SIZE];

	return all->built &&
	       ((join(path, sizeof(path), "lib/modules/", all->check->release, "") &&
		 machine_has(&all->machine, path)) ||
		(join(path, sizeof(path), "usr/lib/modules/", all->check->release, "") &&
		 machine_has(&all->machine, path)));
}

static void check_plan(struct comparison *all, const struct plan_read *plan)
{
	const char *release = all->check->release, *kernel = kernel_of(&all->image);

	if (!image_find(&all->image, PLAN_FILE))
		comparison_add(all, "plan", FOUND_WRONG, "/" PLAN_FILE " is not in the image");
	else if (!plan->makes_sense)
		comparison_add(all, "plan", FOUND_WRONG, "/" PLAN_FILE " makes no sense");
	else if (!text_is(plan->release, release))
		comparison_add(all, "plan", FOUND_WRONG, "for kernel %.*s, not for %s",
			       (int)plan->release.len, plan->release.at, release);
	else if (kernel && !has_kernel(&all->image, release))
		comparison_add(all, "plan", FOUND_WRONG, "for kernel %s, the image for %s", release,
			       kernel);
	else if (!plan->has_vfio_pci && !all->check->mistakes)
		comparison_add(all, "plan", FOUND_WRONG, "kernel %s has no vfio-pci", release);
	else if (!can_compare(all))
		comparison_add(all, "plan", FOUND_UNPROVEN, "kernel %s is not installed here",
			       release);
	else if (!comparison_is_same(&all->now, PLAN_FILE, plan->text))
		comparison_add(all, "plan", FOUND_OUTDATED, "not as it would be made now");
	else
		comparison_add(all, "plan", FOUND_RIGHT, "for kernel %s", release);
}

/* Compares one module; writes the first that is amiss, a missing one before others. */
static enum finding_kind check_module(struct comparison *all, const struct module_step *step,
				      bool compare, char amiss[MACHINE_PATH_SIZE])
{
	char path[MACHINE_PATH_SIZE], name[NAME_SIZE];
	struct text content;
	enum finding_kind kind = FOUND_RIGHT;

	(void)snprintf(name, sizeof(name), "%.*s", (int)step->file.len, step->file.at);
	if (!join(path, sizeof(path), MODULES_DIR, name, ""))
		return FOUND_WRONG;
	content = image_content(&all->image, path);
	if (content.len < 4)
		kind = step->required ? FOUND_WRONG : FOUND_CHANGED;
	else if (memcmp(content.at, ELF_MAGIC, 4) != 0)
		kind = FOUND_WRONG;
	else if (compare && !comparison_is_same(&all->now, path, content))
		kind = FOUND_OUTDATED;
	if (kind != FOUND_RIGHT)
		(void)join(amiss, MACHINE_PATH_SIZE, name,
			   content.len < 4        ? " is not in the image" :
			   kind == FOUND_OUTDATED ? " is not that of the installed kernel" :
						    " is no module",
			   "");
	return kind;
}

static void check_modules(struct comparison *all, const struct plan_read *plan)
{
	char amiss[MACHINE_PATH_SIZE] = "", one[MACHINE_PATH_SIZE];
	bool compare = can_compare(all);
	enum finding_kind worst = FOUND_RIGHT;
	struct text rest = plan->text, release;
	struct module_step step;

	(void)modplan_open(&rest, &release);
	while (modplan_next(&rest, &step) > 0) {
		enum finding_kind kind = step.builtin || step.variant ?
						 FOUND_RIGHT :
						 check_module(all, &step, compare, one);

		if (kind <= worst)
			continue;
		worst = kind;
		(void)join(amiss, sizeof(amiss), one, "", "");
	}
	if (worst == FOUND_RIGHT && plan->loads && !compare)
		comparison_add(all, "modules", FOUND_UNPROVEN, "%zu, with nothing to compare with",
			       plan->loads);
	else if (worst == FOUND_RIGHT)
		comparison_add(all, "modules", FOUND_RIGHT, "%zu, and %zu built in", plan->loads,
			       plan->builtins);
	else
		comparison_add(all, "modules", worst, "%s", amiss);
}

static void comparison_plan(struct comparison *all)
{
	struct plan_read plan;

	read_plan(&all->image, &plan);
	check_plan(all, &plan);
	if (plan.makes_sense)
		check_modules(all, &plan);
}

static void check_archives(struct comparison *all)
{
	char list[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < all->image.archive_count && len < sizeof(list) - 16; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
					all->image.archives[i]);
	if (all->image.wrong[0])
		comparison_add(all, "archives", FOUND_WRONG, "%s", all->image.wrong);
	else
		comparison_add(all, "archives", FOUND_RIGHT, "%s", list);
}

static void check_binder(struct comparison *all)
{
	const struct image_file *file = image_find(&all->image, BINDER_FILE);
	struct text content = image_content(&all->image, BINDER_FILE);

	if (!file)
		comparison_add(all, "binder", FOUND_MISSING,
			       "/" BINDER_FILE " is not in the image");
	else if (!(file->mode & S_IXUSR) || content.len < 4)
		comparison_add(all, "binder", FOUND_WRONG, "/" BINDER_FILE " is no program");
	else if (!machine_has(&all->machine, BINDER_FILE))
		comparison_add(all, "binder", FOUND_UNPROVEN,
			       "none is installed here to compare with");
	else if (!comparison_is_same(&all->machine, BINDER_FILE, content))
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
	bool there = image_find(&all->image, POLICY_FILE);
	struct text content = image_content(&all->image, POLICY_FILE);

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
		content = image_content(&all->image, there->path);
	return here->off ? !content.len : comparison_is_same(&all->machine, here->path, content);
}

/* What counts of the two folders, side by side in the order of the names. */
static void compare_drop_ins(struct comparison *all, char amiss[MACHINE_PATH_SIZE])
{
	struct image_drop_in there = { .name = NULL };
	struct drop_in here = { .name = "" };
	bool is_here = next_drop_in(&all->machine, &here) > 0;
	bool is_there = image_next_drop_in(&all->image, &there);

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
			is_there = image_next_drop_in(&all->image, &there);
	}
}

/* Returns true where the image has the policy of /etc. */
static bool check_policy(struct comparison *all)
{
	char amiss[MACHINE_PATH_SIZE] = "";

	compare_policy_file(all, amiss);
	compare_drop_ins(all, amiss);
	if (amiss[0])
		comparison_add(all, "policy", FOUND_OUTDATED, "%s", amiss);
	else
		comparison_add(all, "policy", FOUND_RIGHT, "as in /etc");
	return !amiss[0];
}

static void check_verdicts(struct comparison *all, bool same_policy)
{
	static struct image_model model;

	image_model(&model, &all->image, all->root, same_policy);
	comparison_add(all, "verdicts", model.kind, "%s", model.detail);
}

/* What is mounted now, or a new network card, changes the list and does no harm. */
static void check_protect(struct comparison *all)
{
	static struct protect protect;
	struct text content = image_content(&all->image, PROTECT_FILE);

	if (!image_find(&all->image, PROTECT_FILE))
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
	bool there = image_find(&all->image, TRIAL_FILE), wanted;
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
		 !comparison_is_same(&all->now, TRIAL_FILE, image_content(&all->image, TRIAL_FILE)))
		comparison_add(all, "trial", FOUND_WRONG,
			       "it is of another trial: nothing is bound");
	else if (there)
		comparison_add(all, "trial", FOUND_RIGHT, "%s",
			       wanted ? trial_sentence(&state, sentence) :
					"there is no trial any more: it binds in every boot");
}

static void check_order(struct comparison *all)
{
	struct image_order order;

	image_order(&all->image, &order);
	all->check->generator = order.generator;
	all->check->init_is_binder = order.init_is_binder;
	all->check->order = &all->check->findings[all->check->count];
	comparison_add(all, "order", order.kind, "%s", order.detail);
}

static void check_all(struct comparison *all)
{
	bool same_policy;

	check_archives(all);
	check_binder(all);
	same_policy = check_policy(all);
	if (all->check->ours) {
		comparison_plan(all);
		check_protect(all);
		check_trial(all);
		check_verdicts(all, same_policy);
	}
	check_order(all);
}

static bool keep(const char *path)
{
	return image_order_needs(path) || !strncmp(path, PAYLOAD_DIR, strlen(PAYLOAD_DIR)) ||
	       !strncmp(path, POLICY_FILE, strlen(POLICY_FILE));
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
		all->built =
			build_quietly(root, all->check->release, scratch.dir,
				      image_find(&all->image, TRIAL_FILE)) == EXIT_AS_CONFIGURED &&
			!machine_open(&all->now, scratch.dir);
	check_all(all);
	if (all->built)
		machine_close(&all->now);
	if (made)
		scratch_remove(&scratch);
}

static void read_policy(struct comparison *all)
{
	static struct policy_text text;
	static struct policy policy;
	struct mistakes mistakes = MISTAKES_NONE;

	policy = (struct policy){ 0 };
	(void)load_policy(&all->machine, &text, &policy, &mistakes.diag);
	mistakes_print(&mistakes);
	all->check->mistakes = mistakes.diag.mistakes;
	all->check->configured = mistakes.diag.mistakes || policy_says_anything(&policy);
	mistakes_free(&mistakes);
}

static int compare(struct comparison *all, const char *root, const char *path)
{
	int err = image_read(&all->image, path);

	if (err) {
		(void)join(all->check->failed, sizeof(all->check->failed), path, "", "");
		return err;
	}
	all->check->ours = image_find(&all->image, PAYLOAD_DIR);
	read_policy(all);
	comparison_find_release(all);
	check_beside_payload(all, root);
	return 0;
}

int image_check(struct image_check *check, const char *root, const char *path, const char *release)
{
	struct comparison all = {
		.check = check, .image.keep = keep, .release = release, .root = root
	};
	int err;

	*check = (struct image_check){ 0 };
	err = machine_open(&all.machine, root);
	if (err) {
		(void)join(check->failed, sizeof(check->failed), root, "", "");
		return err;
	}
	err = compare(&all, root, path);
	image_free(&all.image);
	machine_close(&all.machine);
	return err;
}
