/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 1000

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Returns the child once it has ended, or 0 if it has not in time. Its end of the pipe is closed
 * then, which poll() sees at once; should another be left open, a look now and then finds out.
 */
static pid_t wait_for_end(pid_t child, int fd, int *result)
{
	int64_t deadline = now_ms() + TIME_LIMIT_MS, left;
	pid_t ended = 0;

	while (!ended && (left = deadline - now_ms()) > 0) {
		struct pollfd poll_fd = { .fd = fd };
		int n = poll(&poll_fd, 1, (int)(left < LOOK_MS ? left : LOOK_MS));

		ended = waitpid(child, result, n > 0 ? 0 : WNOHANG);
	}
	return ended;
}

enum ending supervise(struct boot *boot, int (*work)(struct boot *boot), int *status)
{
	int ends[2], result = 0;
	pid_t child, ended;

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
	ended = wait_for_end(child, ends[0], &result);
	(void)close(ends[0]);
	if (!ended) {
		(void)kill(child, SIGKILL);
		return HUNG;
	}
	if (ended != child || !WIFEXITED(result))
		return DIED;
	*status = WEXITSTATUS(result);
	return ENDED;
}
