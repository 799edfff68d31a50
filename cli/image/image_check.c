/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_check.h"

#include "base/complain.h"
#include "base/mistakes.h"
#include "base/temp_dir.h"
#include "image_compare.h"
#include "payload/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINDER_FILE PAYLOAD_DIR "/binder"

void comparison_add(struct comparison *all, const char *check, enum finding_kind kind,
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

bool comparison_is_same(struct machine *machine, const char *path, struct text text)
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

/* Compares one file of the policy; writes what is amiss, unless something is already. */
static void compare_policy(struct comparison *all, const char *path, char amiss[MACHINE_PATH_SIZE])
{
	bool here = machine_has(&all->machine, path), there = image_find(&all->image, path);
	const char *how = NULL;

	if (here && !there)
		how = " is not in the image";
	else if (there && !here)
		how = " is in the image only";
	else if (there &&
		 !comparison_is_same(&all->machine, path, image_content(&all->image, path)))
		how = " differs";
	if (how && !amiss[0])
		(void)join(amiss, MACHINE_PATH_SIZE, "/", path, how);
}

static void compare_policy_dirs(struct comparison *all, char amiss[MACHINE_PATH_SIZE])
{
	char path[MACHINE_PATH_SIZE];
	const char *name;
	struct dir dir;
	size_t at = 0;
	int err;

	if (!dir_open(&all->machine, POLICY_DIR, &dir)) {
		while ((name = dir_next(&dir, &err)))
			if (is_policy_name(name) &&
			    join(path, sizeof(path), POLICY_DIR "/", name, ""))
				compare_policy(all, path, amiss);
		dir_close(&dir);
	}
	while ((name = image_next(&all->image, POLICY_DIR, &at)))
		if (is_policy_name(name) && join(path, sizeof(path), POLICY_DIR "/", name, ""))
			compare_policy(all, path, amiss);
}

static void check_policy(struct comparison *all)
{
	char amiss[MACHINE_PATH_SIZE] = "";

	compare_policy(all, POLICY_FILE, amiss);
	compare_policy_dirs(all, amiss);
	if (amiss[0])
		comparison_add(all, "policy", FOUND_OUTDATED, "%s", amiss);
	else
		comparison_add(all, "policy", FOUND_RIGHT, "as in /etc");
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
	else if (!comparison_is_same(&all->now, PROTECT_FILE, content))
		comparison_add(all, "protect", FOUND_CHANGED,
			       "what the host lives on is not what it was");
	else
		comparison_add(all, "protect", FOUND_RIGHT, "what the host lives on");
}

static void check_order(struct comparison *all)
{
	struct image_order order;

	image_order(&all->image, &order);
	all->check->generator = order.generator;
	comparison_add(all, "order", order.kind, "%s", order.detail);
}

static void check_all(struct comparison *all)
{
	check_archives(all);
	check_binder(all);
	check_policy(all);
	if (all->check->ours) {
		comparison_plan(all);
		check_protect(all);
	}
	check_order(all);
}

static bool keep(const char *path)
{
	return image_order_needs(path) || !strncmp(path, PAYLOAD_DIR, strlen(PAYLOAD_DIR)) ||
	       !strncmp(path, POLICY_FILE, strlen(POLICY_FILE));
}

/* What it says was said, or will be, where an image is built. Returns an exit code. */
static int build_quietly(const char *root, const char *release, const char *dir)
{
	size_t warned = warnings_count();
	int say = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC), code;

	warnings_print();
	if (say >= 0 && null >= 0)
		(void)dup2(null, STDERR_FILENO);
	code = payload_write(root, release, dir);
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
		all->built = build_quietly(root, all->check->release, scratch.dir) ==
				     EXIT_AS_CONFIGURED &&
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
	struct comparison all = { .check = check, .image.keep = keep, .release = release };
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
