/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS    1000
#define RESERVE_MS 2000

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void time_start(struct boot *boot)
{
	boot->deadline_ms = now_ms() + TIME_LIMIT_MS;
}

int64_t time_left(const struct boot *boot)
{
	return boot->deadline_ms - RESERVE_MS - now_ms();
}

/* Forks with a pipe, of which the child has the other end as long as it lives. */
static pid_t fork_child(struct child *child, int *own_end)
{
	int ends[2], err;
	pid_t pid; /* *child may be in memory that both have */

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	err = -errno;
	if (!pid) {
		(void)close(ends[0]);
		*own_end = ends[1];
		return 0;
	}
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return err;
	}
	*child = (struct child){ .pid = pid, .alive = ends[0] };
	return pid;
}

/*
 * Not by waitpid(2), which has nothing to say where SIGCHLD is ignored, and blocks while a child
 * hangs on its way out. Should somebody else have the other end too, a look now and then tells.
 */
bool child_wait(struct child *child, int64_t ms)
{
	int64_t deadline = now_ms() + ms, left = ms;

	while (!child->ended && left > 0) {
		struct pollfd poll_fd = { .fd = child->alive };

		child->ended = poll(&poll_fd, 1, (int)(left < LOOK_MS ? left : LOOK_MS)) > 0;
		child->ended |= waitpid(child->pid, NULL, WNOHANG) == child->pid;
		left = deadline - now_ms();
	}
	return child->ended;
}

void child_end(struct child *child)
{
	if (!child->ended)
		(void)kill(child->pid, SIGKILL);
	(void)close(child->alive);
}

/* The working process's end of the pipe, which a child must not keep open. */
static int working_end = -1;

int child_start(struct child *child, struct boot *boot, size_t index,
		void (*work)(struct boot *boot, size_t index))
{
	int own_end;
	pid_t pid = fork_child(child, &own_end);

	if (pid)
		return pid < 0 ? pid : 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* what is told of it must stay true */
	(void)close(working_end);
	work(boot, index);
	_exit(0);
}

enum ending supervise(struct boot *boot, int (*work)(struct boot *boot), int *status)
{
	struct child child = { 0 };
	pid_t pid;

	boot->ended = false;
	time_start(boot);
	pid = fork_child(&child, &working_end);
	if (pid < 0)
		return NOT_STARTED;
	if (!pid) {
		(void)signal(SIGCHLD, SIG_DFL); /* for modprobe's exit status */
		boot->status = work(boot);
		boot->ended = true;
		_exit(boot->status);
	}
	(void)child_wait(&child, TIME_LIMIT_MS);
	/* Where it has begun anew. */
	(void)child_wait(&child, time_left(boot) + RESERVE_MS);
	child_end(&child);
	if (!child.ended)
		return HUNG;
	*status = boot->status;
	return boot->ended ? ENDED : DIED;
}
