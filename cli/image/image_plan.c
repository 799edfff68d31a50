/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_compare.h"

#include "modplan.h"
#include "payload/payload.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

void comparison_find_release(struct comparison *all)
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
		enum finding_kind kind =
			step.builtin ? FOUND_RIGHT : check_module(all, &step, compare, one);

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

void comparison_plan(struct comparison *all)
{
	struct plan_read plan;

	read_plan(&all->image, &plan);
	check_plan(all, &plan);
	if (plan.makes_sense)
		check_modules(all, &plan);
}
