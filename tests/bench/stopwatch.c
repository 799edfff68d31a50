/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopwatch PROGRAM [FILE...]: runs it and prints how many nanoseconds it took from its start to
 * the last write to one of the files, or to its end where there are none.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* When the last write was that the child made, or 0. */
static int64_t last_write(int writes, pid_t child)
{
	int ended = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd fds[] = { { .fd = writes, .events = POLLIN },
				{ .fd = ended, .events = POLLIN } };
	static char events[4096];
	int64_t last = 0;

	while (poll(fds, 2, -1) > 0 && fds[0].revents) {
		last = now();
		if (read(writes, events, sizeof(events)) <= 0)
			return 0;
	}
	return last;
}

static pid_t run(const char *program)
{
	pid_t child = vfork();

	if (!child) {
		(void)execl(program, program, NULL);
		_exit(127);
	}
	return child;
}

int main(int argc, char *argv[])
{
	int writes = inotify_init1(IN_CLOEXEC), status;
	int64_t start, end = 0;
	pid_t child;

	if (argc < 2)
		return 1;
	for (int i = 2; i < argc; i++)
		if (inotify_add_watch(writes, argv[i], IN_MODIFY) < 0)
			return 1;
	start = now();
	child = run(argv[1]);
	if (argc > 2)
		end = last_write(writes, child);
	if (waitpid(child, &status, 0) != child)
		return 1;
	if (argc == 2)
		end = now();
	printf("%lld\n", (long long)(end - start));
	return !end || !WIFEXITED(status) || WEXITSTATUS(status) == 127;
}
