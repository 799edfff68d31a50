/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "deadline.h"

#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than a look takes, also where disks are asleep and are asked for their names. */
#define LIMIT_S 30

/* The child's end of a pipe: closed when it has read all, or is gone. */
static int reading = -1;

static _Noreturn void wait_for(pid_t child, int fd)
{
	struct pollfd poll_fd = { .fd = fd };

	while (poll(&poll_fd, 1, LIMIT_S * 1000) < 0)
		if (errno != EINTR)
			break;
	if (poll_fd.revents) {
		int status;

		while (waitpid(child, &status, 0) != child)
			if (errno != EINTR)
				_exit(EXIT_FAILED);
		if (WIFSIGNALED(status)) {
			(void)signal(WTERMSIG(status), SIG_DFL);
			(void)raise(WTERMSIG(status));
		}
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED);
	}
	(void)kill(child, SIGKILL);
	_exit(complain(
		EXIT_FAILED,
		"the devices could not be read within %d s: a driver that does not let go of "
		"one may hold it; nothing was changed",
		LIMIT_S));
}

void watch_begin(void)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return;
	child = fork();
	if (child > 0) {
		(void)close(ends[1]);
		wait_for(child, ends[0]);
	}
	(void)close(ends[0]);
	if (child < 0) {
		(void)close(ends[1]);
		return;
	}
	reading = ends[1];
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* who ends the command means this process */
}

void watch_end(void)
{
	if (reading >= 0)
		(void)close(reading);
	reading = -1;
}
