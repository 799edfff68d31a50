/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject ROOT PROGRAM [ARGUMENT...]: runs a program again and again, with one fault each time.
 *
 * strace(1) does the same with --inject, but counts the calls of each process on their own: the
 * third call fails in parent and child. It makes a short read by not reading at all. And it
 * starts anew each time. Here a fault strikes one call of one process, and a read that is to be
 * short is asked for less.
 *
 * A line of standard input, "PROCESS CALL FAULT VALUE", is a run: the fault strikes that call of
 * that process, both counted from 1, the program first, then its children. FAULT is one of
 *
 *	none		nothing; the answer tells of all calls instead
 *	error E		the call is not made and fails with E
 *	from E		so does each one of the same name from then on, whoever makes it
 *	lie 0		the call is not made and returns what it was asked for, as if it were
 *	short N		read and write get 1/N of what they are asked for, at least a byte
 *	signal S	S is sent as the call begins
 *	stall 0		the call never returns
 *
 * The answer is "STATUS STRUCK MILLISECONDS CRASH": the exit status of the program, minus the
 * signal that ended it, or TOO_SLOW; 1 if the fault struck; how long the program took; the signal
 * of the first process that crashed, or 0. Calls count from the first of main() on, getpid(). All
 * is for x86-64. Unless ROOT is "-" a write below ROOT/sys does what a kernel does: see kernel().
 * If it is "@DIRECTORY", the program is process 1 of namespaces of its own, below DIRECTORY.
 */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT     5  /* seconds */
#define SLOWER    20 /* where a call stalls: the program's own limit is 10 */
#define PROCESSES 16
#define CALLS     4096
#define TOO_SLOW  (-1000)

enum kind { NONE, ERROR, FROM, LIE, SHORT, SIGNAL, STALL };
static const char *const kinds[] = { "none", "error", "from", "lie", "short", "signal", "stall" };

struct process {
	pid_t pid;
	unsigned calls;
	bool counting;
	bool inside;   /* a call is being made */
	bool replaced; /* it is not, and result is what it returns */
	bool again;    /* the next call is the last one made again */
	bool ended;
	long number, result;
};

static struct process processes[PROCESSES];
static size_t process_count;
static const char *root;
static int null;

/* The fault of this run, and what came of it. */
static struct {
	unsigned process, call;
	enum kind kind;
	long value;
	bool struck;
	long number; /* of the call it struck */
	int status, crash;
	struct timespec began, ended;
} run;

static struct {
	size_t process;
	long number;
} calls[CALLS];
static size_t call_count;

static volatile sig_atomic_t late;

static void be_late(int number)
{
	(void)number;
	late = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static bool strikes(const struct process *process, size_t at)
{
	if (run.kind == FROM && run.struck)
		return process->number == run.number;
	return !run.struck && at + 1 == run.process && process->calls == run.call;
}

static void replace(struct process *process, struct user_regs_struct *regs, long result)
{
	regs->orig_rax = (unsigned long long)-1;
	process->replaced = true;
	process->result = result;
}

/* Returns false if the call is never to return. */
static bool strike(struct process *process, struct user_regs_struct *regs)
{
	run.struck = true;
	run.number = process->number;
	switch (run.kind) {
	case NONE:
		break;
	case ERROR:
	case FROM:
		replace(process, regs, -run.value);
		break;
	case LIE:
		replace(process, regs, (long)regs->rdx);
		break;
	case SHORT:
		regs->rdx = regs->rdx > (unsigned long)run.value ?
				    regs->rdx / (unsigned long)run.value :
				    1;
		break;
	case SIGNAL:
		(void)kill(process->pid, (int)run.value);
		return true;
	case STALL:
		return false;
	}
	(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
	return true;
}

static bool enter(struct process *process, size_t at, struct user_regs_struct *regs)
{
	process->number = (long)regs->orig_rax;
	process->replaced = false;
	if (process->again) {
		process->again = false;
		return true;
	}
	process->counting |= at || process->number == SYS_getpid;
	if (!process->counting)
		return true;
	process->calls++;
	if (run.kind == NONE && call_count < CALLS) {
		calls[call_count].process = at;
		calls[call_count++].number = process->number;
	}
	return !strikes(process, at) || strike(process, regs);
}

/*
 * A signal that nobody handles interrupts a call, include/linux/errno.h; and a renaming anywhere
 * on the machine interrupts an openat2(2) that keeps below a root. How many do is chance.
 */
static bool is_made_again(long number, long result)
{
	const long restart[] = { -512, -513, -514, -516 };

	for (size_t i = 0; i < sizeof(restart) / sizeof(*restart); i++)
		if (result == restart[i])
			return true;
	return number == SYS_openat2 && result == -EAGAIN;
}

static void leave(struct process *process, struct user_regs_struct *regs)
{
	if (process->replaced) {
		regs->rax = (unsigned long long)process->result;
		(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
	} else if (is_made_again(process->number, (long)regs->rax)) {
		process->again = true;
	} else if (process->number == SYS_write && (long)regs->rax > 0 && root[0] == '/') {
		kernel(root, process->pid, regs);
	}
}

/* Returns false if the process is not to go on. */
static bool at_call(struct process *process, size_t at)
{
	struct user_regs_struct regs;
	bool goes_on = true;

	if (ptrace(PTRACE_GETREGS, process->pid, NULL, &regs))
		return true; /* just killed */
	if (process->inside)
		leave(process, &regs);
	else
		goes_on = enter(process, at, &regs);
	process->inside = !process->inside;
	return goes_on;
}

static bool is_crash(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
	       number == SIGABRT || number == SIGTRAP || number == SIGSYS;
}

static void at_end(struct process *process, size_t at, int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	process->ended = true;
	if (!run.crash && is_crash(number))
		run.crash = number;
	if (at)
		return;
	run.status = number ? -number : WEXITSTATUS(status);
	(void)clock_gettime(CLOCK_MONOTONIC, &run.ended);
}

/* Finds it, or takes it in; *fresh if it has just begun. */
static size_t process_of(pid_t pid, bool *fresh)
{
	size_t at = 0;

	while (at < process_count && processes[at].pid != pid)
		at++;
	*fresh = at == process_count;
	if (*fresh && process_count++ == PROCESSES) {
		errno = EMFILE;
		die("inject");
	}
	if (*fresh)
		processes[at] = (struct process){ .pid = pid };
	return at;
}

static void end_all(void)
{
	late = 0;
	run.status = TOO_SLOW;
	for (size_t i = 0; i < process_count; i++)
		if (!processes[i].ended)
			(void)kill(processes[i].pid, SIGKILL);
}

/* Until the last of them has ended. */
static void follow(void)
{
	for (;;) {
		int status, number = 0;
		pid_t pid = waitpid(-1, &status, __WALL);
		bool fresh, goes_on = true;
		size_t at;

		if (late)
			end_all();
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return;
		at = process_of(pid, &fresh);
		if (!WIFSTOPPED(status)) {
			at_end(&processes[at], at, status);
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			goes_on = at_call(&processes[at], at);
		else if (!fresh && !(status >> 16))
			number = WSTOPSIG(status);
		if (goes_on)
			(void)ptrace(PTRACE_SYSCALL, pid, NULL, number);
	}
}

/* What mounts there are is its own business. */
static void become_init(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || chroot(root + 1) || chdir("/"))
		_exit(126);
}

static pid_t start(char *argv[])
{
	const bool as_init = root[0] == '@';
	const long flags = SIGCHLD | (as_init ? CLONE_NEWPID | CLONE_NEWNS : 0);
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

	if (pid < 0)
		die("clone");
	if (pid)
		return pid;
	if (as_init)
		become_init();
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)kill(getpid(), SIGSTOP); /* not raise(): libc has not seen this fork */
	(void)execv(argv[0], argv);
	_exit(127);
}

static void run_once(char *argv[])
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	const struct itimerval limit = {
		.it_value.tv_sec = run.kind == STALL ? SLOWER : LIMIT,
		.it_interval.tv_usec = 100000, /* should it strike where nobody waits */
	};
	bool fresh;
	int status;
	pid_t pid;

	process_count = call_count = 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &run.began);
	pid = start(argv);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("ptrace");
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
	(void)process_of(pid, &fresh);
	(void)setitimer(ITIMER_REAL, &limit, NULL);
	(void)ptrace(PTRACE_SYSCALL, pid, NULL, 0);
	follow();
	(void)setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
}

static void answer(void)
{
	long ms = (run.ended.tv_sec - run.began.tv_sec) * 1000 +
		  (run.ended.tv_nsec - run.began.tv_nsec) / 1000000;

	printf("%d %d %ld %d", run.status, run.struck, ms, run.crash);
	for (size_t i = 0; i < call_count; i++)
		printf(" %zu:%ld", calls[i].process + 1, calls[i].number);
	printf("\n");
	(void)fflush(stdout);
}

static bool parse(const char *line)
{
	char kind[16];

	memset(&run, 0, sizeof(run));
	if (sscanf(line, "%u %u %15s %ld", &run.process, &run.call, kind, &run.value) != 4)
		return false;
	while (run.kind <= STALL && strcmp(kind, kinds[run.kind]) != 0)
		run.kind++;
	return run.kind <= STALL;
}

int main(int argc, char *argv[])
{
	struct sigaction action = { .sa_handler = be_late };
	char line[256];

	if (argc < 3) {
		fprintf(stderr, "usage: inject ROOT PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	root = argv[1];
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)sigaction(SIGALRM, &action, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		if (!parse(line)) {
			fprintf(stderr, "inject: no fault: %s", line);
			return 2;
		}
		run_once(argv + 2);
		answer();
	}
	return 0;
}
