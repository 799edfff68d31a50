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

/* Where the folder of the file is to be refused, the file is. */
static int copy_file(struct tree *tree, struct machine *machine, const char *path,
		     bool folder_refused)
{
	int fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK), err;
	struct stat st = { 0 };

	if (fd == -ENOENT && !machine_has(machine, path))
		return 0;
	if (fd < 0 || fstat(fd, &st) || policy_distrust(fd, false) || folder_refused)
		err = write_refused(tree, path, st.st_mode);
	else
		err = tree_copy(tree, path, fd, 0644);
	if (fd >= 0)
		(void)close(fd);
	return err;
}

int policy_copy(struct tree *tree, struct machine *machine)
{
	struct drop_in drop_in = { .name = "" };
	int err = copy_file(tree, machine, POLICY_FILE, false), more = 1;

	while (!err && (more = next_drop_in(machine, &drop_in)) > 0) {
		/* An empty file switches off just as well, and stays one in any archive. */
		if (drop_in.off)
			err = tree_write(tree, drop_in.path, (struct text){ "", 0 });
		else
			err = copy_file(tree, machine, drop_in.path, drop_in.distrust);
	}
	if (more < 0)
		(void)join(tree->failed, sizeof(tree->failed), "/", drop_in.folder, "");
	return err ? err : more;
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
