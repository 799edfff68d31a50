/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stopwatch PROGRAM: runs it and prints how many nanoseconds it took, from start to end. */
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int main(int argc, char *argv[])
{
	int64_t start = now();
	int status;
	pid_t child = argc > 1 ? vfork() : -1;

	if (!child) {
		(void)execv(argv[1], argv + 1);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	printf("%lld\n", (long long)(now() - start));
	return !WIFEXITED(status) || WEXITSTATUS(status) == 127;
}
