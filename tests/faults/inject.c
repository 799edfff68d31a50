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
 *	gone 0		the device that the program's last argument names is gone as the call begins
 *	stall 0		the call never returns
 *	stall 1		the write is made, and never returns: an unbind whose driver does not let go.
 *			The device stays locked, so no process that opens a file of it returns either
 *
 * The answer is "STATUS STRUCK MILLISECONDS CRASH": the exit status of the program, minus the
 * signal that ended it, or STUCK; 1 if the fault struck; how long the program took; the signal
 * of the first process that crashed, or 0. Calls count from the first of main() on, getpid(). All
 * is for x86-64. Unless ROOT is "-" a write below ROOT/sys does what a kernel does: see kernel().
 * If it is "@DIRECTORY", the program is process 1 of namespaces of its own, below DIRECTORY.
 *
 * The clock is ours: CLOCK_MONOTONIC stands still while a process runs. Once each of them waits in
 * poll() or never returns, it is the time at which the first poll() ends. So ten seconds take no
 * time, and a busy host cannot make them longer. A run in which no process can go on is STUCK
 * unless the program itself has ended; so is one that makes too many calls. SAFETY ends one that
 * runs on without a call.
 */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAFETY    600 /* seconds of the host's own time */
#define PROCESSES 64
#define CALLS     16384
#define ENDLESS   500000 /* calls */
#define STUCK     (-1000)
#define BOOTED    1000000 /* ms: what the clock says as the program begins */
#define NEVER     INT64_MAX

enum kind { NONE, ERROR, FROM, LIE, SHORT, SIGNAL, GONE, STALL };
static const char *const kinds[] = { "none",  "error",  "from", "lie",
				     "short", "signal", "gone", "stall" };

enum state { RUNNING, WAITING, STALLED, ENDED };

struct process {
	pid_t pid;
	enum state state;
	unsigned calls;
	bool begun;
	bool counting;
	bool inside;   /* a call is being made */
	bool replaced; /* it is not, and result is what it returns */
	bool again;    /* the next call is the last one made again */
	bool stalls;   /* the call is made and does not return */
	bool waits; /* the call is a poll() or wait4() that may wait; it is made without waiting */
	bool stale; /* others have run since it was made */
	int64_t deadline;
	unsigned long long third; /* its argument as it was */
	long number, result;
};

static struct process processes[PROCESSES];
static size_t process_count;
static const char *root, *last; /* argument of the program */
static int null;

/* The fault of this run, and what came of it. */
static struct {
	unsigned process, call;
	enum kind kind;
	long value;
	bool struck;
	long number; /* of the call it struck */
	int status, crash;
	bool stuck;
	char locked[64];    /* the device that is, by its address */
	int64_t now, ended; /* ms */
	unsigned made;
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

static void stall(struct process *process)
{
	process->state = STALLED;
}

static void strike(struct process *process, struct user_regs_struct *regs)
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
		return;
	case GONE:
		be_gone(root, last, true);
		return;
	case STALL:
		process->stalls = run.value;
		if (!process->stalls)
			stall(process);
		return;
	}
	(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
}

/* Answers clock_gettime(), which is no call of the program's where there is a vDSO. */
static void tell_time(struct process *process, struct user_regs_struct *regs)
{
	struct timespec now = { run.now / 1000, run.now % 1000 * 1000000 };
	struct iovec from = { &now, sizeof(now) };
	struct iovec to = { (void *)(uintptr_t)regs->rsi, sizeof(now) };

	if (process_vm_writev(process->pid, &from, 1, &to, 1, 0) != (ssize_t)sizeof(now))
		die("process_vm_writev");
	replace(process, regs, 0);
	(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
}

/* A call that may wait looks only; leave() has it wait where our clock says so. */
static void begin_wait(struct process *process, struct user_regs_struct *regs)
{
	const bool is_poll = process->number == SYS_poll;
	const int timeout = (int)regs->rdx;

	if (is_poll ? !timeout : process->number != SYS_wait4 || (regs->rdx & WNOHANG))
		return;
	if (!process->waits)
		process->deadline = is_poll && timeout > 0 ? run.now + timeout : NEVER;
	process->waits = true;
	process->stale = false;
	process->third = regs->rdx;
	regs->rdx = is_poll ? 0 : regs->rdx | WNOHANG;
	(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
}

/* The kernel has whoever opens an attribute wait for the device's lock; O_PATH opens nothing. */
static bool is_locked(const struct process *process, const struct user_regs_struct *regs)
{
	char path[PATH_SIZE];
	uint64_t flags = regs->rdx;
	const char *device;

	if (!run.locked[0] || (process->number != SYS_openat && process->number != SYS_openat2))
		return false;
	read_text(process->pid, regs->rsi, path, sizeof(path));
	if (process->number == SYS_openat2)
		read_bytes(process->pid, regs->rdx, &flags, sizeof(flags));
	device = strstr(path, run.locked);
	return device && device[strlen(run.locked)] == '/' && !(flags & O_PATH);
}

static void enter(struct process *process, size_t at, struct user_regs_struct *regs)
{
	process->number = (long)regs->orig_rax;
	process->replaced = false;
	run.made++;
	if (process->number == SYS_clock_gettime && regs->rdi == CLOCK_MONOTONIC) {
		tell_time(process, regs);
		return;
	}
	process->counting |= at || process->number == SYS_getpid;
	if (process->counting && !process->again) {
		process->calls++;
		if (run.kind == NONE && call_count < CALLS) {
			calls[call_count].process = at;
			calls[call_count++].number = process->number;
		}
		if (strikes(process, at))
			strike(process, regs);
	}
	process->again = false;
	if (is_locked(process, regs))
		stall(process);
	if (!process->replaced)
		begin_wait(process, regs);
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

/* Has it wait if there is nothing yet: what it looked for may be there once others have run. */
static void end_wait(struct process *process, struct user_regs_struct *regs)
{
	if (is_made_again(process->number, (long)regs->rax))
		return;
	regs->rdx = process->third;
	(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
	if (regs->rax)
		process->waits = false;
	else
		process->state = WAITING;
}

/* It ends, also where it never returned: so there is something to wait for. */
static void will_end(unsigned long long pid)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i].state == STALLED &&
		    (root[0] == '@' ? i + 1 : (unsigned long long)processes[i].pid) == pid)
			processes[i].state = RUNNING;
}

static void leave(struct process *process, struct user_regs_struct *regs)
{
	if (process->replaced) {
		regs->rax = (unsigned long long)process->result;
		(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
		return;
	}
	if (process->waits)
		end_wait(process, regs);
	if (process->number == SYS_write && root[0] == '/' &&
	    is_refused(root, process->pid, regs)) {
		regs->rax = (unsigned long long)-ENODEV;
		(void)ptrace(PTRACE_SETREGS, process->pid, NULL, regs);
	}
	if (is_made_again(process->number, (long)regs->rax))
		process->again = true;
	else if (process->number == SYS_write && (long)regs->rax > 0 && root[0] == '/')
		kernel(root, process->pid, regs);
	else if (process->number == SYS_kill && !regs->rax && regs->rsi == SIGKILL)
		will_end(regs->rdi);
	if (process->stalls) {
		text_of_write(process->pid, regs, run.locked, sizeof(run.locked));
		stall(process);
	}
}

static void at_call(struct process *process, size_t at)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, process->pid, NULL, &regs))
		return; /* just killed */
	if (process->inside)
		leave(process, &regs);
	else
		enter(process, at, &regs);
	process->inside = !process->inside;
}

/* What a process that waits looks for may be there now. */
static void others_ran(const struct process *process)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes + i != process)
			processes[i].stale = true;
}

static bool is_crash(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
	       number == SIGABRT || number == SIGTRAP || number == SIGSYS;
}

static void at_end(struct process *process, size_t at, int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	process->state = ENDED;
	others_ran(process);
	if (!run.crash && is_crash(number))
		run.crash = number;
	if (at)
		return;
	run.status = number ? -number : WEXITSTATUS(status);
	run.ended = run.now;
}

/* Finds it, or takes it in. */
static size_t process_of(pid_t pid)
{
	size_t at = 0;

	while (at < process_count && processes[at].pid != pid)
		at++;
	if (at == PROCESSES) {
		errno = EMFILE;
		die("inject");
	}
	if (at == process_count)
		processes[process_count++] = (struct process){ .pid = pid };
	return at;
}

/* The program finds no vDSO, and asks the kernel for the time: proc_pid_auxv(5). */
static void hide_vdso(pid_t pid)
{
	struct user_regs_struct regs;
	uint64_t at, word;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		die("ptrace");
	at = regs.rsp + sizeof(word); /* after argc: the arguments, and the environment */
	for (int lists = 0; lists < 2; at += sizeof(word)) {
		if (!read_bytes(pid, at, &word, sizeof(word)))
			die("process_vm_readv");
		lists += !word;
	}
	for (; read_bytes(pid, at, &word, sizeof(word)) && word != AT_NULL; at += 2 * sizeof(word))
		if (word == AT_SYSINFO_EHDR)
			(void)ptrace(PTRACE_POKEDATA, pid, at, AT_IGNORE);
}

static void end_all(void)
{
	late = 0;
	run.stuck |= processes->state != ENDED;
	for (size_t i = 0; i < process_count; i++)
		if (processes[i].state != ENDED)
			(void)kill(processes[i].pid, SIGKILL);
}

static void resume(struct process *process, int number)
{
	if (!process->waits)
		others_ran(process);
	process->state = RUNNING;
	(void)ptrace(PTRACE_SYSCALL, process->pid, NULL, number);
}

/* Makes the call again that it has just made: "syscall" is two bytes. */
static void look_again(struct process *process)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, process->pid, NULL, &regs))
		return;
	regs.rip -= 2;
	regs.rax = process->number == SYS_wait4 ? SYS_wait4 : SYS_poll; /* or it was restarted */
	(void)ptrace(PTRACE_SETREGS, process->pid, NULL, &regs);
	process->again = true;
	resume(process, 0);
}

/* Where each one waits, first for what the others did meanwhile and then for the clock. */
static void turn_clock(void)
{
	struct process *first = NULL;
	bool any = false;

	for (struct process *it = processes; it < processes + process_count; it++) {
		any |= it->state != ENDED;
		if (it->state == RUNNING)
			return;
		if (it->state == WAITING && (!first || it->deadline < first->deadline))
			first = it;
	}
	for (struct process *it = processes; it < processes + process_count; it++)
		if (it->state == WAITING && it->stale) {
			look_again(it);
			return;
		}
	if (first && first->deadline != NEVER) {
		run.now = first->deadline;
		if (root[0] == '/')
			add_found(root, last);
		first->waits = false;
		resume(first, 0);
	} else if (any) {
		end_all();
	}
}

static void at_stop(struct process *process, int status)
{
	const int event = status >> 16;
	unsigned long child;
	int number = 0;

	if (WSTOPSIG(status) == (SIGTRAP | 0x80))
		at_call(process, (size_t)(process - processes));
	else if (event == PTRACE_EVENT_EXEC)
		hide_vdso(process->pid);
	else if (event && !ptrace(PTRACE_GETEVENTMSG, process->pid, NULL, &child))
		(void)process_of((pid_t)child);
	else if (process->begun)
		number = WSTOPSIG(status);
	process->begun = true;
	if (process->state == RUNNING)
		resume(process, number);
}

/* Until the last of them has ended. */
static void follow(void)
{
	for (;;) {
		int status;
		pid_t pid;
		size_t at;

		turn_clock();
		pid = waitpid(-1, &status, __WALL);
		if (late || run.made > ENDLESS)
			end_all();
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return;
		at = process_of(pid);
		if (WIFSTOPPED(status))
			at_stop(&processes[at], status);
		else
			at_end(&processes[at], at, status);
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
		.it_value.tv_sec = SAFETY,
		.it_interval.tv_usec = 100000, /* should it strike where nobody waits */
	};
	int status;
	pid_t pid;

	process_count = call_count = 0;
	run.now = BOOTED;
	pid = start(argv);
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("ptrace");
	(void)ptrace(PTRACE_SETOPTIONS, pid, NULL, options);
	processes[process_of(pid)].begun = true;
	(void)setitimer(ITIMER_REAL, &limit, NULL);
	(void)ptrace(PTRACE_SYSCALL, pid, NULL, 0);
	follow();
	(void)setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
}

static void answer(void)
{
	printf("%d %d %ld %d", run.stuck ? STUCK : run.status, run.struck,
	       (long)(run.ended - BOOTED), run.crash);
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
	last = argv[argc - 1];
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	(void)sigaction(SIGALRM, &action, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		if (!parse(line)) {
			fprintf(stderr, "inject: no fault: %s", line);
			return 2;
		}
		run_once(argv + 2);
		if (run.kind == GONE)
			be_gone(root, last, false);
		answer();
	}
	return 0;
}
