/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "busy.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct dir dir;

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

/* Names as the kernel keeps them, of 15 bytes: linux/include/linux/sched.h, TASK_COMM_LEN */
static bool is_at_it(const char *comm)
{
	static const char *const names[] = {
		"askpass", "cryptsetup", "systemd-ask-pas", "systemd-cryptse", "sulogin", "zfs",
		"zpool",   "fsck",       "systemd-fsck",    "mount",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (begins(comm, names[i]))
			return true;
	return false;
}

/* `sh -i`, as every generator starts its own, `-bash`, and `plymouth ask-for-password`. */
static bool talks(struct machine *machine, const char *pid)
{
	char path[MACHINE_PATH_SIZE], words[1024];
	const char *second;
	ssize_t len;

	(void)join(path, sizeof(path), "proc/", pid, "/cmdline");
	len = machine_read(machine, path, words, sizeof(words));
	if (len <= 0)
		return false;
	second = words + strlen(words) + 1;
	if (second >= words + len)
		second = "";
	return words[0] == '-' || !strcmp(second, "-i") || begins(second, "ask-");
}

bool somebody_is_busy(struct machine *machine)
{
	char path[MACHINE_PATH_SIZE], comm[32];
	const char *name, *pid;
	bool busy = false;
	int err;

	/* A question is a file: https://systemd.io/PASSWORD_AGENTS */
	if (!dir_open(machine, "run/systemd/ask-password", &dir)) {
		while (!busy && (name = dir_next(&dir, &err)))
			busy = begins(name, "ask.");
		dir_close(&dir);
	}
	if (busy || dir_open(machine, "proc", &dir))
		return busy;
	while (!busy && (pid = dir_next(&dir, &err))) {
		(void)join(path, sizeof(path), "proc/", pid, "/comm");
		if (pid[0] < '1' || pid[0] > '9' ||
		    machine_read_line(machine, path, comm, sizeof(comm)) < 0)
			continue;
		busy = is_at_it(comm) ||
		       ((text_ends(text_of(comm), "sh") || !strcmp(comm, "plymouth")) &&
			talks(machine, pid));
	}
	dir_close(&dir);
	return busy;
}

bool console_is_silent(struct machine *machine)
{
	int fd = machine_openat(machine, "dev/console", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	struct termios settings;
	bool silent;

	if (fd < 0)
		return false;
	silent = !tcgetattr(fd, &settings) && !(settings.c_lflag & ECHO);
	(void)close(fd);
	return silent;
}
