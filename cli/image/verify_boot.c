/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verify_boot.h"

#include "base/complain.h"
#include "base/printable.h"
#include "boot_log.h"
#include "cmdline.h"
#include "host/kernels.h"
#include "machine.h"
#include "uki.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_S      300  /* ten seconds is usual where QEMU emulates the processor */
#define KVM_LIMIT_S  60   /* it stops there, without ending, where it cannot go on */
#define CMDLINE_SIZE 2048 /* COMMAND_LINE_SIZE of x86 */
#define LINE_SIZE    4096
#define QEMU         "qemu-system-x86_64"
#define WORDS_MAX    64
#define NOT_STARTED  127
#define KVM_FAILED   "KVM internal error. Suberror: 1"

/*
 * A machine with one of each kind of device that people give to guests, each with an IOMMU group
 * of its own. The drives have nothing on them and forget what is written.
 */
#define MACHINE_OPTIONS                                                                            \
	"-nodefaults -no-user-config -no-reboot -display none -serial stdio -nic none "            \
	"-M q35,kernel-irqchip=split -m 2048 -cpu max,la57=off "                                   \
	"-device intel-iommu,intremap=on,caching-mode=on "                                         \
	"-device VGA -device qemu-xhci -device e1000e,romfile= "                                   \
	"-device pcie-root-port,id=port1,chassis=1,slot=1 "                                        \
	"-device pcie-root-port,id=port2,chassis=2,slot=2 "                                        \
	"-drive if=none,id=drive1,driver=null-co,read-zeroes=on,size=64M "                         \
	"-drive if=none,id=drive2,driver=null-co,read-zeroes=on,size=64M "                         \
	"-device nvme,bus=port1,serial=1,drive=drive1 "                                            \
	"-device nvme,bus=port2,serial=2,drive=drive2"

/*
 * What makes the kernel talk, to a console that no program of the image writes to: /dev/console
 * is the last one named. A timer that is emulated may miss the kernel's test of it.
 */
#define OUR_WORDS                                                                                  \
	"console=ttyS0 console=tty0 ignore_loglevel log_buf_len=4M panic=-1 no_timer_check "       \
	"intel_iommu=on dyndbg=\"file drivers/base/dd.c +p\" tp_printk "                           \
	"trace_event=sched:sched_process_exec,sched:sched_process_exit"

/* Words that would undo these, or that are for a machine of another size. */
static const char *const dropped_words[] = {
	"console",     "quiet",     "loglevel",    "ignore_loglevel",    "log_buf_len",
	"panic",       "dyndbg",    "trace_event", "tp_printk",          "earlycon",
	"earlyprintk", "iommu",     "intel_iommu", "amd_iommu",          "mem",
	"memmap",      "hugepages", "hugepagesz",  "default_hugepagesz", "crashkernel",
	"BOOT_IMAGE",  "initrd",
};

struct qemu {
	int kernel, initrd; /* open files */
	char append[sizeof(OUR_WORDS) + CMDLINE_SIZE];
	char said[256]; /* the last line of QEMU's own, not the console's; or empty */
	pid_t pid;
	int console;
};

static bool is_dropped(struct text name)
{
	for (size_t i = 0; i < ARRAY_SIZE(dropped_words); i++)
		if (cmdline_name_is(name, dropped_words[i]))
			return true;
	return false;
}

static void make_append(struct qemu *qemu, struct text cmdline)
{
	struct cmdline_word word;
	size_t len = (size_t)snprintf(qemu->append, sizeof(qemu->append), OUR_WORDS);

	while (cmdline_next(&cmdline, &word)) {
		if (is_dropped(word.name) || word.whole.len >= sizeof(qemu->append) - len - 1)
			continue;
		len += (size_t)snprintf(qemu->append + len, sizeof(qemu->append) - len, " %.*s",
					(int)word.whole.len, word.whole.at);
	}
}

/* A file of its own for a section of a unified kernel image, gone with this process. */
static int file_of(struct text section)
{
	int fd = section.len ? memfd_create("vfio-bind", MFD_CLOEXEC) : -1;

	while (fd >= 0 && section.len) {
		ssize_t n = write(fd, section.at, section.len);

		if (n <= 0) {
			(void)close(fd);
			return -1;
		}
		section.at += n;
		section.len -= (size_t)n;
	}
	return fd;
}

/* In the child: becomes QEMU, with its console and its complaints at the end of a pipe. */
static _Noreturn void become_qemu(struct qemu *qemu, bool kvm, int out)
{
	static char options[] = QEMU " " MACHINE_OPTIONS;
	char kernel[32], initrd[32], accel[8], *rest, *words[WORDS_MAX] = { 0 };
	size_t count = 0;

	(void)snprintf(kernel, sizeof(kernel), "/proc/self/fd/%d", qemu->kernel);
	(void)snprintf(initrd, sizeof(initrd), "/proc/self/fd/%d", qemu->initrd);
	(void)snprintf(accel, sizeof(accel), "%s", kvm ? "kvm" : "tcg");
	for (char *word = strtok_r(options, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	words[count++] = (char[]){ "-accel" };
	words[count++] = accel;
	words[count++] = (char[]){ "-kernel" };
	words[count++] = kernel;
	words[count++] = (char[]){ "-initrd" };
	words[count++] = initrd;
	words[count++] = (char[]){ "-append" };
	words[count] = qemu->append;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setpgid(0, 0);
	(void)fcntl(qemu->kernel, F_SETFD, 0);
	(void)fcntl(qemu->initrd, F_SETFD, 0);
	(void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	(void)execvp(words[0], words);
	_exit(NOT_STARTED);
}

static int start(struct qemu *qemu, bool kvm)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	qemu->pid = fork();
	if (!qemu->pid)
		become_qemu(qemu, kvm, ends[1]);
	(void)close(ends[1]);
	qemu->console = ends[0];
	if (qemu->pid > 0)
		return 0;
	(void)close(ends[0]);
	return -errno;
}

static long long now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Takes one line; false where no later one counts. */
static bool take_line(struct qemu *qemu, struct boot_log *log, struct text line)
{
	if (line.len > 5 && !memcmp(line.at, "qemu-", 5)) {
		(void)snprintf(qemu->said, sizeof(qemu->said), "%.*s", (int)line.len, line.at);
		make_printable(qemu->said);
	}
	boot_log_read(log, line);
	return !boot_log_is_decided(log) && !text_is(line, KVM_FAILED);
}

/* Takes all whole lines of the buffer, and keeps the rest of it; false as take_line(). */
static bool take_lines(struct qemu *qemu, struct boot_log *log, char buffer[LINE_SIZE], size_t *len)
{
	struct text rest = { buffer, *len };
	const char *end;

	while ((end = memchr(rest.at, '\n', rest.len)) || rest.len == LINE_SIZE) {
		struct text line = { rest.at, end ? (size_t)(end - rest.at) : rest.len };
		size_t taken = line.len + (end != NULL);

		if (!take_line(qemu, log, line))
			return false;
		rest.at += taken;
		rest.len -= taken;
	}
	memmove(buffer, rest.at, rest.len);
	*len = rest.len;
	return true;
}

/* Reads the console until it has decided or the time is up. True: QEMU closed it before. */
static bool read_console(struct qemu *qemu, struct boot_log *log, int limit_s)
{
	static char buffer[LINE_SIZE];
	long long end = now_ms() + limit_s * 1000LL, left;
	struct pollfd console = { .fd = qemu->console, .events = POLLIN };
	size_t len = 0;

	while ((left = end - now_ms()) > 0) {
		ssize_t n = -1;

		if (poll(&console, 1, (int)left) > 0)
			n = read(qemu->console, buffer + len, sizeof(buffer) - len);
		else if (errno == EINTR || now_ms() >= end)
			continue;
		if (n <= 0)
			return true;
		len += (size_t)n;
		if (!take_lines(qemu, log, buffer, &len))
			return false;
	}
	return false;
}

/* One boot. Returns what QEMU exited with, 0 if it was ended, or a negative errno. */
static int boot(struct qemu *qemu, struct boot_log *log, bool kvm)
{
	int err = start(qemu, kvm), status = 0;
	bool ended;

	if (err)
		return err;
	ended = read_console(qemu, log, kvm ? KVM_LIMIT_S : LIMIT_S);
	(void)close(qemu->console);
	if (!ended) /* nothing more is wanted of it, not even that it does end */
		(void)kill(-qemu->pid, SIGKILL);
	else if (waitpid(qemu->pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* By the host's own processor, where that works: inside some hosts it only seems to. */
static int boot_either_way(struct qemu *qemu, struct boot_log *log)
{
	const struct boot_log nothing = *log;
	int status = 0;

	if (!access("/dev/kvm", R_OK | W_OK))
		status = boot(qemu, log, true);
	if (log->started)
		return status;
	*log = nothing;
	return boot(qemu, log, false);
}

static int boot_and_judge(struct qemu *qemu, struct boot_log *log, struct image_check_row *order)
{
	enum finding_kind read = order->kind;
	char was[sizeof(order->detail)];
	int status = boot_either_way(qemu, log);

	if (status < 0)
		return complain(EXIT_FAILED, QEMU ": %s", strerror(-status));
	if (status == NOT_STARTED)
		return complain(EXIT_FAILED, "verify --boot needs " QEMU
					     ": install the package qemu-system-x86");
	if (status && !log->traced)
		return complain(EXIT_FAILED, "%s", qemu->said[0] ? qemu->said : QEMU " failed");
	(void)memcpy(was, order->detail, sizeof(was));
	boot_log_judge(log, order);
	if (read == FOUND_WRONG && order->kind == FOUND_RIGHT) {
		/* One boot that went well does not prove that the next one will. */
		order->kind = FOUND_UNKNOWN;
		(void)snprintf(order->detail, sizeof(order->detail),
			       "booted: the binder was first this time, but %.700s", was);
	}
	return EXIT_AS_CONFIGURED;
}

/* The kernel's file, opened, or -1. */
static int open_kernel(struct machine *machine, const char *release)
{
	static const char *const places[][2] = { { "boot/vmlinuz-", "" },
						 { "usr/lib/modules/", "/vmlinuz" },
						 { "lib/modules/", "/vmlinuz" } };
	char path[MACHINE_PATH_SIZE], *modules = NULL;
	int fd = -1;

	for (size_t i = 0; fd < 0 && release[0] && i < ARRAY_SIZE(places); i++)
		if (join(path, sizeof(path), places[i][0], release, places[i][1]))
			fd = machine_openat(machine, path, O_RDONLY);
	/* A system of NixOS has its kernel beside the modules. */
	if (fd < 0 && release[0] && kernel_dir(machine, release, path))
		modules = strstr(path, "/kernel-modules/");
	if (modules) {
		memcpy(modules, "/kernel", sizeof("/kernel"));
		fd = machine_openat(machine, path, O_RDONLY);
	}
	return fd;
}

/* A unified kernel image has a kernel and a command line of its own; for others look here. */
static void find_parts(struct qemu *qemu, const struct boot_request *request,
		       struct machine *machine, struct text image)
{
	static char cmdline[CMDLINE_SIZE * 2];
	struct text own = uki_is(image) ? uki_section(image, ".cmdline") : (struct text){ 0 };
	ssize_t len = machine_read(machine, "proc/cmdline", cmdline, sizeof(cmdline));

	if (own.len)
		make_append(qemu, (struct text){ own.at, strnlen(own.at, own.len) });
	else
		make_append(qemu, (struct text){ cmdline, len > 0 ? (size_t)len : 0 });
	if (uki_is(image)) {
		qemu->kernel = file_of(uki_section(image, ".linux"));
		qemu->initrd = file_of(uki_section(image, ".initrd"));
	} else {
		qemu->kernel = open_kernel(machine, request->release);
		qemu->initrd = open(request->image, O_RDONLY | O_CLOEXEC);
	}
}

static int boot_with(const struct boot_request *request, struct machine *machine, struct text image,
		     struct image_check_row *order)
{
	static struct qemu qemu;
	struct boot_log log = { .init_is_binder = request->init_is_binder };
	int code;

	find_parts(&qemu, request, machine, image);
	if (qemu.kernel < 0)
		code = complain(EXIT_FAILED, "verify --boot: kernel %s is not here to boot %s with",
				request->release[0] ? request->release : "unknown", request->image);
	else if (qemu.initrd < 0)
		code = complain(EXIT_FAILED, "%s: %s", request->image, strerror(errno));
	else
		code = boot_and_judge(&qemu, &log, order);
	if (qemu.kernel >= 0)
		(void)close(qemu.kernel);
	if (qemu.initrd >= 0)
		(void)close(qemu.initrd);
	return code;
}

int verify_boot(const struct boot_request *request, struct image_check_row *order)
{
	int fd = open(request->image, O_RDONLY | O_CLOEXEC), code = EXIT_FAILED;
	struct machine machine;
	struct stat st = { 0 };
	void *image = MAP_FAILED;

	if (fd >= 0 && !fstat(fd, &st))
		image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		(void)complain(code, "%s: %s", request->image, strerror(errno));
	else if (machine_open(&machine, request->root))
		(void)complain(code, "%s: %s", request->root, strerror(errno));
	else
		code = boot_with(request, &machine, (struct text){ image, (size_t)st.st_size },
				 order);
	if (image != MAP_FAILED) {
		machine_close(&machine);
		(void)munmap(image, (size_t)st.st_size);
	}
	if (fd >= 0)
		(void)close(fd);
	return code;
}
