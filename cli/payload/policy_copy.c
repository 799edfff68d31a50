/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy_copy.h"

#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFUSED "refused when the image was built: not to be trusted, or not to be read\n"

/* Writes what no policy is, so that the boot refuses it too; with the mode it was refused for. */
static int write_refused(struct tree *tree, const char *path, mode_t mode)
{
	int fd = tree_create(tree, path);

	if (fd < 0)
		return fd;
	if (write(fd, REFUSED, sizeof(REFUSED) - 1) == (ssize_t)sizeof(REFUSED) - 1)
		return tree_commit(tree, path, fd, 0644 | (mode & (S_IWGRP | S_IWOTH)));
	(void)close(fd);
	return -EIO;
}

/* Of a file in a folder, that is to be refused where the folder is. */
static int copy_file(struct tree *tree, struct machine *machine, const char *path, int folder)
{
	int fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK), err;
	struct stat st = { 0 };

	if (fd == -ENOENT && !machine_has(machine, path))
		return 0;
	if (fd < 0 || fstat(fd, &st) || policy_distrust(fd, false) ||
	    (folder >= 0 && policy_distrust(folder, true)))
		err = write_refused(tree, path, st.st_mode);
	else
		err = tree_copy(tree, path, fd, 0644);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

int policy_copy(struct tree *tree, struct machine *machine)
{
	char path[MACHINE_PATH_SIZE];
	struct dir dir;
	const char *name;
	int err = copy_file(tree, machine, POLICY_FILE, -1), failed = 0;

	if (err)
		return err;
	err = dir_open(machine, POLICY_DIR, &dir);
	if (err == -ENOENT)
		return 0;
	if (err)
		(void)join(tree->failed, sizeof(tree->failed), "/" POLICY_DIR, "", "");
	if (err)
		return err;
	while (!failed && (name = dir_next(&dir, &err)))
		if (is_policy_name(name) && join(path, sizeof(path), POLICY_DIR "/", name, ""))
			failed = copy_file(tree, machine, path, dir.fd);
	dir_close(&dir);
	return failed ? failed : err;
}

static void say_nothing(struct diag *diag, const struct mistake *mistake)
{
	(void)diag;
	(void)mistake;
}

bool policy_copy_is_good(const char *dir, const struct policy *policy, bool has_mistakes)
{
	static struct policy copy;
	static struct policy_text text;
	struct diag diag = { .emit = say_nothing };
	struct machine machine;
	bool ok;

	if (machine_open(&machine, dir))
		return false;
	machine.confined = false; /* links lead where they led when it was written */
	copy = (struct policy){ 0 };
	ok = load_policy(&machine, &text, &copy, &diag);
	machine_close(&machine);
	if (has_mistakes)
		return !ok;
	return ok && copy.rule_count == policy->rule_count &&
	       copy.accept_cmdline == policy->accept_cmdline;
}
