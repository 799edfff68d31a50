/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True once the other end of the pipe is closed, which the child's end does. */
static bool wait_for_end(int fd)
{
	int64_t deadline = now_ms() + TIME_LIMIT_MS, left;

	while ((left = deadline - now_ms()) > 0) {
		struct pollfd poll_fd = { .fd = fd };
		int n = poll(&poll_fd, 1, (int)left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

enum ending supervise(struct boot *boot, int (*work)(struct boot *boot), int *status)
{
	int ends[2], result = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return NOT_STARTED;
	child = fork();
	if (!child) {
		(void)close(ends[0]);
		_exit(work(boot)); /* ends[1] stays open as long as we live */
	}
	(void)close(ends[1]);
	if (child < 0) {
		(void)close(ends[0]);
		return NOT_STARTED;
	}
	if (!wait_for_end(ends[0])) {
		(void)kill(child, SIGKILL);
		(void)close(ends[0]);
		return HUNG;
	}
	(void)close(ends[0]);
	if (waitpid(child, &result, 0) != child || !WIFEXITED(result))
		return DIED;
	*status = WEXITSTATUS(result);
	return ENDED;
}
