/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peak PROGRAM [ARGUMENT...]: the most memory that it, or any process it started, ever had in
 * KiB. Each is stopped as it ends and its VmHWM read: what wait4(2) tells is counted a processor
 * at a time and may lack all of a small program (linux/lib/percpu_counter.c).
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static long high_water(pid_t process)
{
	char path[64], line[256];
	long kib = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)process);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	if (file)
		(void)fclose(file);
	return kib;
}

static void start(char *argv[])
{
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	(void)execv(argv[0], argv);
	_exit(127);
}

/* Lets all of them run; the signals a tracer causes are kept from them. */
static long follow(void)
{
	long most = 0, kib;
	int status, sign;
	pid_t process;

	while ((process = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status))
			continue;
		sign = WSTOPSIG(status);
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
			kib = high_water(process);
			most = kib > most ? kib : most;
		}
		if (sign == SIGTRAP || sign == SIGSTOP)
			sign = 0;
		(void)ptrace(PTRACE_CONT, process, NULL, (void *)(intptr_t)sign);
	}
	return most;
}

int main(int argc, char *argv[])
{
	const intptr_t options =
		PTRACE_O_TRACEEXIT | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	pid_t child = argc > 1 ? fork() : -1;

	if (!child)
		start(argv + 1);
	if (child < 0 || waitpid(child, NULL, 0) != child)
		return 1;
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)options))
		return 1;
	(void)ptrace(PTRACE_CONT, child, NULL, NULL);
	printf("%ld\n", follow());
	return 0;
}
