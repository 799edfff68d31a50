/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * binder: gives chosen PCI devices to vfio-pci before any other driver sees them.
 *
 * Runs in the initramfs. Reads policy, protect and the command line; scans the bus; decides;
 * and only then writes. Whatever goes wrong, the machine boots as if it were not there.
 */
#include "apply.h"
#include "boot.h"
#include "give_back.h"
#include "judge.h"
#include "late.h"
#include "log.h"
#include "modules.h"
#include "pid1.h"
#include "release.h"
#include "report.h"
#include "scan.h"
#include "supervise.h"
#include "trial.h"
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int leave_in(struct boot *boot, const char *dir, const char *note)
{
	int err = report_write(boot, dir, note);

	return err || !boot->decided || boot->dry_run ? err : late_leave(boot, dir);
}

/*
 * Leaves the report where the running system looks for it. An image's /run is handed on to it,
 * but whoever calls us before it is mounted hides what we leave there: devtmpfs is already the
 * one that stays. It is also where --undo finds it if /run takes none.
 */
static void leave_report(struct boot *boot, const char *note)
{
	int err;

	if (boot->is_late) {
		err = report_append(boot, RUN_DIR);
		if (err)
			log_line(LEVEL_WARNING, "not in the report: %s", error_name(err));
		return;
	}
	err = leave_in(boot, RUN_DIR, note);
	if (boot->judged->machine.live && (err || !machine_is_mount(&boot->judged->machine, "run")))
		err = leave_in(boot, DEV_DIR, note);
	if (err)
		log_line(LEVEL_WARNING, "no report in /%s: %s", RUN_DIR, error_name(err));
}

static int unreadable(struct boot *boot, ssize_t err)
{
	log_line(LEVEL_ERROR, "nothing bound: %s: %s", boot->judged->machine.failed,
		 err == -E2BIG ? "more than 16384 functions" : error_name((int)err));
	leave_report(boot, "the machine could not be read");
	return STATUS_MACHINE;
}

/* Says why there is nothing to do, and leaves a report that does. */
static int nothing(struct boot *boot, const char *note)
{
	leave_report(boot, note);
	return STATUS_DONE;
}

static void log_words(const struct boot *boot)
{
	const struct words *words = &boot->judged->words;
	const struct text *word = &words->decided_by;

	if (boot->is_late)
		return; /* the boot's pass has told */
	if (words->unknown_word.len)
		log_line(LEVEL_WARNING, "%.*s: there is no such word", (int)words->unknown_word.len,
			 words->unknown_word.at);
	if (words->ignored.len)
		log_line(LEVEL_WARNING, "%.*s ignored: the policy does not accept cmdline",
			 (int)words->ignored.len, words->ignored.at);
	if (words->unknown_value)
		log_line(LEVEL_ERROR, "off: %.*s is neither 0, 1 nor dry-run", (int)word->len,
			 word->at);
	else if (words->mode == MODE_OFF)
		log_line(LEVEL_ERROR, "off by %.*s", (int)word->len, word->at);
}

/* The boot's pass has told. */
static void ignore_mistake(struct diag *diag, const struct mistake *mistake)
{
	(void)diag;
	(void)mistake;
}

/* Returns false with *status set if there is nothing to scan for. */
static bool read_texts(struct boot *boot, int *status)
{
	struct text cmdline;
	ssize_t len = load_cmdline(&boot->judged->machine, boot->judged->cmdline,
				   sizeof(boot->judged->cmdline));
	bool ok;

	if (len < 0) {
		*status = unreadable(boot, len);
		return false;
	}
	cmdline = (struct text){ boot->judged->cmdline, (size_t)len };
	cmdline_read(cmdline, &boot->judged->words);
	boot->dry_run = boot->judged->words.mode == MODE_DRY_RUN;
	if (boot->judged->words.mode == MODE_OFF) {
		log_words(boot);
		*status = nothing(boot, "off");
		return false;
	}
	ok = load_policy(&boot->judged->machine, &boot->judged->policy_text, &boot->judged->policy,
			 &boot->judged->diag);
	if (ok && !policy_says_anything(&boot->judged->policy)) {
		*status = nothing(boot, "no rules");
		return false;
	}
	ok &= cmdline_rules(cmdline, &boot->judged->words, &boot->judged->policy,
			    &boot->judged->diag);
	log_words(boot);
	*status = STATUS_POLICY;
	if (!ok)
		leave_report(boot, "the policy is in error");
	return ok;
}

static int work_late(struct boot *boot)
{
	int status, err;

	if (late_is_settled(boot) || late_is_called_off(boot))
		return STATUS_DONE;
	if (!read_texts(boot, &status))
		return status;
	err = late_begin(boot);
	if (!err && late_is_settled(boot)) /* by a pass that ran meanwhile */
		return STATUS_DONE;
	if (!err)
		err = late_work(boot);
	if (err)
		return unreadable(boot, err);
	report_log(boot);
	leave_report(boot, NULL);
	return (int)report_status(boot);
}

static int work(struct boot *boot)
{
	struct decision decision;
	enum trial_end end;
	struct trial left;
	int status, err;

	if (!read_texts(boot, &status))
		return status;
	boot->counts = true;
	end = trial_count(&boot->judged->machine, boot->dry_run, &left);
	boot->counts = false;
	if (end == TRIAL_FAILED || end == TRIAL_UNKNOWN) {
		leave_report(boot, end == TRIAL_FAILED ? NOTE_TRIAL_FAILED : NOTE_TRIAL_UNKNOWN);
		return STATUS_REFUSED;
	}
	if (end == TRIAL_COUNTED)
		boot->trial = left;
	err = load_protect(&boot->judged->machine, PROTECT_FILE, &boot->judged->protect);
	if (err && err != -ENOENT)
		log_line(LEVEL_WARNING, "/%s: %s; no storage is bound unless named exactly",
			 PROTECT_FILE, error_name(err));
	plan_read(boot->judged, PLAN_FILE);
	plan_replace(boot->judged);
	err = scan(&boot->judged->machine, &boot->judged->inventory);
	if (!err)
		err = judge(boot->judged, &decision);
	boot->decided = !err;
	if (err)
		return unreadable(boot, err);
	give_back_taken(boot);
	if (!boot->dry_run)
		err = apply(boot);
	if (err)
		return unreadable(boot, err);
	report_log(boot);
	leave_report(boot, NULL);
	return (int)report_status(boot);
}

/* The child is still at it, or dead: what holds now is read back, and told in its place. */
static int tell_for(struct boot *boot, enum ending ending)
{
	const char *what = ending == HUNG ? "hung" : "died";

	if (boot->is_late && ending == HUNG && !boot->decided)
		late_again(boot);
	if (boot->locked_out && ending == HUNG) {
		char name[ADDRESS_SIZE];

		(void)address_format(boot->late, name);
		log_line(LEVEL_ERROR, "%s not looked at: another late pass has not ended", name);
		return STATUS_MACHINE;
	}
	if (!boot->decided) {
		log_line(LEVEL_ERROR, "%s while reading %s; nothing bound", what,
			 boot->judged->machine.failed);
		/* By that a late pass knows that nothing may be bound in this boot. */
		leave_report(boot, boot->counts ? NOTE_TRIAL_UNKNOWN : what);
		return STATUS_MACHINE;
	}
	log_line(LEVEL_ERROR, "%s at %s", what, step_name(boot->step));
	apply_cut_short(boot, ending == HUNG);
	report_log(boot);
	leave_report(boot, what);
	return STATUS_REFUSED;
}

static int run(struct boot *boot)
{
	int status = STATUS_MACHINE, crashed;
	enum ending ending;

	/* A crash kernel saves memory to a disk of the host: that is all it is there for. */
	crashed = machine_exists(&boot->judged->machine, "proc/vmcore");
	if (crashed)
		return crashed < 0 ? unreadable(boot, crashed) : STATUS_DONE;
	ending = supervise(boot, boot->is_late ? work_late : work, &status);
	if (ending == NOT_STARTED)
		log_line(LEVEL_ERROR, "nothing bound: no process can be started");
	else if (ending != ENDED)
		status = tell_for(boot, ending);
	return status;
}

static int run_release(struct boot *boot, const char *what)
{
	struct address address;
	int err;

	log_open(&boot->judged->machine, true);
	if (!strcmp(what, "all")) {
		err = release_all(&boot->judged->machine);
	} else if (address_parse(text_of(what), &address)) {
		err = release_device(&boot->judged->machine, address);
	} else {
		log_line(LEVEL_ERROR, "--release: expected an address or all");
		return STATUS_POLICY;
	}
	return err < 0 ? STATUS_REFUSED : STATUS_DONE;
}

/* --undo is called by hand, by a generator that waits, or to wait; process 1 has it done beside. */
enum undo { UNDO_NONE, UNDO_NOW, UNDO_LOOK, UNDO_WAIT, UNDO_BESIDE };

static int run_undo(struct boot *boot, enum undo how)
{
	struct judgement *judged = boot->judged;
	ssize_t len = load_cmdline(&judged->machine, judged->cmdline, sizeof(judged->cmdline));

	if (how == UNDO_NOW)
		return undo_now(&judged->machine) ? STATUS_REFUSED : STATUS_DONE;
	if (len < 0)
		return STATUS_MACHINE;
	cmdline_read((struct text){ judged->cmdline, (size_t)len }, &judged->words);
	if (how == UNDO_LOOK)
		(void)undo_look(&judged->machine, judged->words.undo);
	else
		undo_wait(&judged->machine, judged->words.undo);
	return STATUS_DONE;
}

static const char usage[] = "usage: binder [--root DIR] [--device ADDRESS | --release ADDRESS|all "
			    "| --undo[=look|=wait]]\n"
			    "Gives the devices that /etc/vfio-bind.conf chooses to vfio-pci: see "
			    "vfio-bind-initramfs(7).\n";

static int print(int fd, const char *text, int status)
{
	size_t len = strlen(text);

	return write(fd, text, len) == (ssize_t)len ? status : STATUS_REFUSED;
}

/* getopt_long(3) would weigh more than all of this file: two options do without. */
static const char *take_argument(char *argv[], int *at, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(argv[*at], name, len) != 0)
		return NULL;
	if (argv[*at][len] == '=')
		return argv[*at] + len + 1;
	return argv[*at][len] || !argv[*at + 1] ? NULL : argv[++*at];
}

/* Zero pages that exist once written to: three megabytes at most, a few pages for most. */
static struct boot *new_boot(void)
{
	struct memory {
		struct boot boot;
		struct judgement judged;
	} *memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);

	if (memory == MAP_FAILED) {
		log_line(LEVEL_ERROR, "nothing bound: no memory");
		return NULL;
	}
	memory->boot.judged = &memory->judged;
	memory->boot.device = NO_DEVICE;
	memory->boot.load_modules = modules_load;
	memory->judged.diag.emit = log_mistake;
	return &memory->boot;
}

static enum undo take_undo(const char *argument)
{
	static const char *const words[] = {
		[UNDO_NOW] = "--undo",
		[UNDO_LOOK] = "--undo=look",
		[UNDO_WAIT] = "--undo=wait",
	};
	enum undo how = UNDO_WAIT;

	while (how != UNDO_NONE && strcmp(argument, words[how]) != 0)
		how--;
	return how;
}

/* What the command line asks for. */
struct asked {
	const char *root, *released, *late;
	enum undo undo;
};

static int start(const struct asked *asked)
{
	struct boot *boot;
	int err, status, fd;

	/*
	 * Where 0, 1 and 2 are closed, as without a /dev/console in the image, files of ours would
	 * take them, and a message would go into an attribute of a device. What takes them here can
	 * neither be read nor written, and needs no /dev/null.
	 */
	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
	boot = new_boot();
	if (!boot)
		return STATUS_MACHINE;
	err = machine_open(&boot->judged->machine, asked->root);
	log_open(&boot->judged->machine, false);
	if (err)
		return unreadable(boot, err);
	if (asked->released)
		return run_release(boot, asked->released);
	if (asked->undo != UNDO_NONE && asked->undo != UNDO_BESIDE)
		return run_undo(boot, asked->undo);
	boot->is_late = asked->late != NULL;
	if (boot->is_late)
		boot->judged->diag.emit = ignore_mistake;
	if (boot->is_late && !address_parse(text_of(asked->late), &boot->late)) {
		log_line(LEVEL_ERROR, "--device: expected an address");
		return STATUS_POLICY;
	}
	status = run(boot);
	if (asked->undo == UNDO_BESIDE)
		undo_start(&boot->judged->machine, &boot->judged->words);
	return status;
}

/* Whatever comes of it: the next init goes on, with what was inherited. */
static void work_as_init(void)
{
	mode_t inherited = umask(022);

	(void)start(&(struct asked){ .root = "/", .undo = UNDO_BESIDE });
	(void)umask(inherited);
}

int main(int argc, char *argv[])
{
	struct asked asked = { .root = "/" };
	const char *value;
	enum undo undo;

	if (getpid() == 1) {
		pid1(argv, work_as_init);
		return STATUS_REFUSED;
	}
	(void)umask(022); /* the report is for everybody to read, and for root to write */
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			return print(STDOUT_FILENO, usage, STATUS_DONE);
		if (!strcmp(argv[i], "--version"))
			return print(STDOUT_FILENO, "vfio-bind " VERSION "\n", STATUS_DONE);
		if ((value = take_argument(argv, &i, "--root")))
			asked.root = value;
		else if ((value = take_argument(argv, &i, "--release")))
			asked.released = value;
		else if ((value = take_argument(argv, &i, "--device")))
			asked.late = value;
		else if ((undo = take_undo(argv[i])) != UNDO_NONE)
			asked.undo = undo;
		else
			return print(STDERR_FILENO, usage, STATUS_POLICY);
	}
	return start(&asked);
}
