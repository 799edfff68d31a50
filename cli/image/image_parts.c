/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_parts.h"

#include "base/digest.h"
#include "payload/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ELF_MAGIC "\177ELF"

const char *part_word(enum part part)
{
	static const char *const words[] = { [PART_ARCHIVES] = "archives",
					     [PART_BINDER] = "binder",
					     [PART_PLAN] = "plan",
					     [PART_MODULES] = "modules",
					     [PART_ORDER] = "order" };

	return words[part];
}

__attribute__((format(printf, 4, 5))) static void
part_say(struct image_parts *parts, enum part part, enum finding_kind kind, const char *how, ...)
{
	struct image_finding *finding = &parts->own[part];
	va_list arguments;

	finding->kind = kind;
	va_start(arguments, how);
	(void)vsnprintf(finding->detail, sizeof(finding->detail), how, arguments);
	va_end(arguments);
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

/* The image's plan, read. */
struct plan_read {
	struct text text, release;
	bool has_vfio_pci;
};

static void read_plan(struct image_parts *parts, struct plan_read *plan)
{
	struct module_step step;
	struct text rest;
	int more = -1;

	*plan = (struct plan_read){ .text = image_content(&parts->tree, IMAGE_PLAN_FILE) };
	rest = plan->text;
	if (modplan_open(&rest, &plan->release))
		while ((more = modplan_next(&rest, &step)) > 0) {
			if (step.variant)
				continue;
			++*(step.builtin ? &parts->builtins : &parts->loads);
			plan->has_vfio_pci |= module_name_equal(step.file, text_of("vfio-pci"));
		}
	parts->plan_makes_sense = !more;
}

static void find_release(struct image_parts *parts, const struct plan_read *plan,
			 const char *release)
{
	const char *kernel = kernel_of(&parts->tree);

	if (release)
		kernel = release;
	else if (plan->release.len && plan->release.len < NAME_SIZE)
		kernel = NULL;
	(void)snprintf(parts->release, NAME_SIZE, "%.*s",
		       kernel ? NAME_SIZE - 1 : (int)plan->release.len,
		       kernel            ? kernel :
		       plan->release.len ? plan->release.at :
					   "");
	if (!is_release(parts->release))
		parts->release[0] = '\0';
}

static void judge_archives(struct image_parts *parts)
{
	const struct image_tree *image = &parts->tree;
	char list[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < image->archive_count && len < sizeof(list) - 16; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
					image->archives[i]);
	part_say(parts, PART_ARCHIVES,
		 image->unsure   ? FOUND_UNKNOWN :
		 image->wrong[0] ? FOUND_WRONG :
				   FOUND_RIGHT,
		 "%s", image->wrong[0] ? image->wrong : list);
}

static void judge_binder(struct image_parts *parts)
{
	const struct image_file *file = image_find(&parts->tree, IMAGE_BINDER_FILE);
	struct text content = image_content(&parts->tree, IMAGE_BINDER_FILE);

	if (!file)
		part_say(parts, PART_BINDER, FOUND_MISSING,
			 "/" IMAGE_BINDER_FILE " is not in the image");
	else if (!(file->mode & S_IXUSR) || content.len < 4)
		part_say(parts, PART_BINDER, FOUND_WRONG, "/" IMAGE_BINDER_FILE " is no program");
	else
		parts->binder = digest_add(DIGEST_START, content.at, content.len);
}

static void judge_plan(struct image_parts *parts, const struct plan_read *plan)
{
	const char *release = parts->release, *kernel = kernel_of(&parts->tree);

	if (!image_find(&parts->tree, IMAGE_PLAN_FILE))
		part_say(parts, PART_PLAN, FOUND_WRONG, "/" IMAGE_PLAN_FILE " is not in the image");
	else if (!parts->plan_makes_sense)
		part_say(parts, PART_PLAN, FOUND_WRONG, "/" IMAGE_PLAN_FILE " makes no sense");
	else if (!text_is(plan->release, release))
		part_say(parts, PART_PLAN, FOUND_WRONG, "for kernel %.*s, not for %s",
			 (int)plan->release.len, plan->release.at, release);
	else if (kernel && !has_kernel(&parts->tree, release))
		part_say(parts, PART_PLAN, FOUND_WRONG, "for kernel %s, the image for %s", release,
			 kernel);
	parts->lacks_vfio_pci = !plan->has_vfio_pci;
}

/* Judges one module; writes what is amiss. */
static enum finding_kind judge_module(const struct image_tree *image,
				      const struct module_step *step, char amiss[MACHINE_PATH_SIZE])
{
	char path[MACHINE_PATH_SIZE], name[NAME_SIZE];
	struct text content;

	(void)snprintf(name, sizeof(name), "%.*s", (int)step->file.len, step->file.at);
	if (step->builtin || step->variant)
		return FOUND_RIGHT;
	if (!join(path, sizeof(path), IMAGE_MODULES_DIR, name, ""))
		return FOUND_WRONG;
	content = image_content(image, path);
	if (content.len >= 4 && !memcmp(content.at, ELF_MAGIC, 4))
		return FOUND_RIGHT;
	(void)join(amiss, MACHINE_PATH_SIZE, name,
		   content.len < 4 ? " is not in the image" : " is no module", "");
	return content.len < 4 && !step->required ? FOUND_CHANGED : FOUND_WRONG;
}

/* Of several that are amiss the first of the worst kind is named. */
static void judge_modules(struct image_parts *parts, const struct plan_read *plan)
{
	struct text rest = plan->text, release;
	char amiss[MACHINE_PATH_SIZE];
	struct module_step step;

	(void)modplan_open(&rest, &release);
	while (modplan_next(&rest, &step) > 0) {
		enum finding_kind kind = judge_module(&parts->tree, &step, amiss);

		if (kind > parts->own[PART_MODULES].kind)
			part_say(parts, PART_MODULES, kind, "%s", amiss);
	}
}

static void judge_order(struct image_parts *parts)
{
	struct image_order order;

	image_order(&parts->tree, &order);
	(void)snprintf(parts->generator, sizeof(parts->generator), "%s", order.generator);
	parts->init_is_binder = order.init_is_binder;
	part_say(parts, PART_ORDER, order.kind, "%s", order.detail);
}

static bool keep(const char *path)
{
	return image_order_needs(path) || !strncmp(path, PAYLOAD_DIR, strlen(PAYLOAD_DIR)) ||
	       !strncmp(path, POLICY_FILE, strlen(POLICY_FILE));
}

int image_parts_read(struct image_parts *parts, const char *path, const char *release)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;

	*parts = (struct image_parts){ 0 };
	if (fd < 0)
		return -errno;
	err = image_parts_read_open(parts, fd, release);
	(void)close(fd);
	return err;
}

int image_parts_read_open(struct image_parts *parts, int fd, const char *release)
{
	struct plan_read plan;
	int err;

	*parts = (struct image_parts){ .tree.keep = keep };
	err = image_read_open(&parts->tree, fd);
	if (err)
		return err;
	parts->ours = image_find(&parts->tree, PAYLOAD_DIR);
	parts->overlay = parts->ours && !image_find(&parts->tree, "init") &&
			 !image_find(&parts->tree, modules_of(&parts->tree));
	read_plan(parts, &plan);
	find_release(parts, &plan, release);
	judge_archives(parts);
	judge_binder(parts);
	if (parts->ours) {
		judge_plan(parts, &plan);
		if (parts->plan_makes_sense)
			judge_modules(parts, &plan);
	}
	judge_order(parts);
	return 0;
}

void image_parts_free(struct image_parts *parts)
{
	image_free(&parts->tree);
}
