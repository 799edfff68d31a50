/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What other programs were told, in each of the forms it has: `import` prints a policy without a
 * mistake, whose rules find one device each and nothing that is refused. A form is a file, or the
 * kernel command line; one input is read as each of them, and then as all at once.
 */
#include "complain.h"

#include "edit/imports.h"
#include "host/last_boot.h"
#include "host/read_host.h"
#include "match.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PRINTED_MAX (1 << 20)

static struct host host;
static struct policy printed;

/* Twins of a screen with sound, of a drive, one of them the host's, and a network card. */
static const char machine_text[] =
	"#framebuffer 0000:01:00.0\n"
	"#protect storage path=0000:00/03.0/00.0 id=144d:a80a\n"
	"0000:00:01.0\t060400\t8086:1901\t-\t-\t-\t1\t-\t-\t-\t-\n"
	"0000:00:02.0\t060400\t8086:1905\t-\t-\t-\t2\t-\t-\t-\t-\n"
	"0000:00:03.0\t060400\t8086:1909\t-\t-\t-\t3\t-\t-\t-\t-\n"
	"0000:00:04.0\t060400\t8086:190d\t-\t-\t-\t4\t-\t-\t-\t-\n"
	"0000:00:14.0\t0c0330\t8086:a12f\t-\t-\t-\t5\t-\t-\t-\t-\n"
	"0000:01:00.0\t030000\t10de:1c82\t-\t-\t-\t1\t0000:00:01.0\t-\t-\t1\n"
	"0000:01:00.1\t040300\t10de:0fb9\t-\t-\t-\t1\t0000:00:01.0\t-\t-\t-\n"
	"0000:02:00.0\t030000\t10de:1c82\t-\t-\t-\t2\t0000:00:02.0\t-\t-\t0\n"
	"0000:02:00.1\t040300\t10de:0fb9\t-\t-\t-\t2\t0000:00:02.0\t-\t-\t-\n"
	"0000:03:00.0\t010802\t144d:a80a\t-\t-\t-\t3\t0000:00:03.0\t-\t-\t-\n"
	"0000:04:00.0\t010802\t144d:a80a\t-\t-\t-\t4\t0000:00:04.0\t00-25-38-b1-21-00-51-3a\t-\t-\n"
	"10000:e0:00.0\t020000\t8086:1572\t-\t-\t-\t-\t-\t-\t-\t-\n";

enum form {
	CMDLINE,
	MODPROBE,
	DRIVERCTL,
	UNRAID,
	CFG,
	SCRIPT,
	HOOK,
	GRUB,
	UDEV,
	MAPPING,
	GUEST,
	INCUSOS,
	TALOS,
	TRUENAS,
	SUPERGFXD,
	FORMS
};

/* The directory of each form's file, and its name there; driverctl's is the text's first line. */
static const struct {
	const char *dir, *name;
} places[FORMS] = {
	[MODPROBE] = { "etc/modprobe.d", "a.conf" },
	[DRIVERCTL] = { "etc/driverctl.d", NULL },
	[UNRAID] = { "boot/config", "vfio-pci.cfg" },
	[CFG] = { "etc", "vfio-pci.cfg" },
	[SCRIPT] = { "usr/local/bin", "vfio-script" },
	[HOOK] = { "etc/initcpio/hooks", "any" },
	[GRUB] = { "etc/default", "grub" },
	[UDEV] = { "etc/udev/rules.d", "a.rules" },
	[MAPPING] = { "etc/pve/mapping", "pci.cfg" },
	[GUEST] = { "etc/pve/qemu-server", "1.conf" },
	[INCUSOS] = { "var/lib/incus-os", "state.txt" },
	[TALOS] = { "system/state", "config.yaml" },
	[TRUENAS] = { "boot", "initramfs_config.json" },
	[SUPERGFXD] = { "etc", "supergfxd.conf" },
};

static int file = -1; /* all of the input, which every form but driverctl's has in its file */
static struct text driverctl, whole;
static bool present[FORMS];
static char driverctl_name[64];

static const char *name_of(enum form form)
{
	return form == DRIVERCTL ? driverctl_name : places[form].name;
}

static enum form find_form(const char *path)
{
	char name[MACHINE_PATH_SIZE];

	for (enum form form = MODPROBE; form < FORMS; form++)
		if (present[form] &&
		    join(name, sizeof(name), places[form].dir, "/", name_of(form)) &&
		    !strcmp(name, path))
			return form;
	return FORMS;
}

/* In place of binder/machine.c's own, for there are no files: the linker's --wrap. */
int __wrap_machine_openat(struct machine *machine, const char *path, int flags);
int __wrap_machine_openat(struct machine *machine, const char *path, int flags)
{
	(void)machine;
	(void)flags;
	if (find_form(path) == FORMS)
		return -ENOENT;
	MUST(!lseek(file, 0, SEEK_SET));
	return dup(file);
}

ssize_t __wrap_machine_read(struct machine *machine, const char *path, char *out, size_t size);
ssize_t __wrap_machine_read(struct machine *machine, const char *path, char *out, size_t size)
{
	enum form form = find_form(path);
	struct text text;

	(void)machine;
	if (form == FORMS)
		return -ENOENT;
	text = form == DRIVERCTL ? driverctl : whole;
	if (text.len >= size)
		return -EFBIG;
	if (text.len)
		memcpy(out, text.at, text.len);
	out[text.len] = '\0';
	return (ssize_t)text.len;
}

ssize_t __wrap_machine_readlink(struct machine *machine, const char *path, char *out, size_t size);
ssize_t __wrap_machine_readlink(struct machine *machine, const char *path, char *out, size_t size)
{
	(void)machine, (void)path, (void)out, (void)size;
	return -EINVAL;
}

bool __wrap_machine_has(struct machine *machine, const char *path);
bool __wrap_machine_has(struct machine *machine, const char *path)
{
	(void)machine;
	for (enum form form = MODPROBE; form < FORMS; form++)
		if (present[form] && !strcmp(places[form].dir, path))
			return true;
	return find_form(path) != FORMS;
}

int __wrap_dir_open(struct machine *machine, const char *path, struct dir *dir);
int __wrap_dir_open(struct machine *machine, const char *path, struct dir *dir)
{
	(void)machine;
	for (enum form form = MODPROBE; form < FORMS; form++) {
		dir->at = form;
		if (present[form] && !strcmp(places[form].dir, path))
			return 0;
	}
	return -ENOENT;
}

const char *__wrap_dir_next(struct dir *dir, int *err);
const char *__wrap_dir_next(struct dir *dir, int *err)
{
	enum form form = (enum form)dir->at;

	*err = 0;
	dir->at = FORMS;
	return form == FORMS ? NULL : name_of(form);
}

void __wrap_dir_close(struct dir *dir);
void __wrap_dir_close(struct dir *dir)
{
	(void)dir;
}

/* In place of cli/host/read_host.c's own: the machine is there, and all is known of it. */
struct host *__wrap_host_read(const struct options *options, enum moment moment, int *code);
struct host *__wrap_host_read(const struct options *options, enum moment moment, int *code)
{
	(void)options, (void)moment;
	*code = EXIT_AS_CONFIGURED;
	return &host;
}

int __wrap_host_read_all(struct host *all);
int __wrap_host_read_all(struct host *all)
{
	(void)all;
	return EXIT_AS_CONFIGURED;
}

void __wrap_host_free(struct host *freed);
void __wrap_host_free(struct host *freed)
{
	(void)freed;
}

/* What nobody asks for once the machine is there. */
size_t __wrap_last_boot_picture(struct machine *machine, const struct inventory *inventory);
size_t __wrap_last_boot_picture(struct machine *machine, const struct inventory *inventory)
{
	(void)machine, (void)inventory;
	abort();
}

void __wrap_host_use_find(struct host_use *use, struct machine *machine,
			  struct inventory *inventory);
void __wrap_host_use_find(struct host_use *use, struct machine *machine,
			  struct inventory *inventory)
{
	(void)use, (void)machine, (void)inventory;
	abort();
}

void __wrap_host_use_write(struct host_use *use, FILE *out);
void __wrap_host_use_write(struct host_use *use, FILE *out)
{
	(void)use, (void)out;
	abort();
}

static void empty_policy(void)
{
	policy_empty(&host.judged.policy);
	host.judged.diag = (struct diag){ .emit = check_mistake };
}

/* Makes a host of the machine and the command line, and a file of each form that is present. */
static void set_up(struct text input)
{
	static bool read;
	struct text rest = input;

	if (!read) /* names of devices play no part */
		MUST(!setenv("VFIO_BIND_PCI_IDS", "/none", 1) &&
		     host_parse(&host, text_of(machine_text)) == EXIT_AS_CONFIGURED);
	read = true;
	host.from_file = false;
	whole = input;
	empty_policy();
	memset(host.judged.cmdline, 0, sizeof(host.judged.cmdline));
	if (present[CMDLINE] && input.len && input.len < CMDLINE_SIZE)
		memcpy(host.judged.cmdline, input.at, input.len);
	if (present[DRIVERCTL]) {
		struct text name = { 0 };

		(void)text_cut(&rest, '\n', &name);
		driverctl = rest;
		present[DRIVERCTL] = name.len && name.len < sizeof(driverctl_name) &&
				     !memchr(name.at, '/', name.len) &&
				     !memchr(name.at, '\0', name.len);
		(void)snprintf(driverctl_name, sizeof(driverctl_name), "%.*s", (int)name.len,
			       name.at);
	}
}

/* Runs the command; returns what it prints. */
static struct text run_import(int *code)
{
	static char buffer[PRINTED_MAX], said[4096], name[] = "import";
	static FILE *out, *err;
	FILE *stdout_before = stdout, *stderr_before = stderr;
	char *argv[] = { name, NULL };
	struct options options = { .root = "/" };
	long len;

	if (!out) {
		out = fmemopen(buffer, sizeof(buffer), "w");
		err = fmemopen(said, sizeof(said), "w");
		MUST(out && err);
	}
	rewind(out);
	rewind(err);
	complaints_clear();
	stdout = out;
	stderr = err;
	*code = command_import(&options, 1, argv);
	stdout = stdout_before;
	stderr = stderr_before;
	len = ftell(out);
	MUST(!fflush(out) && len >= 0 && len < PRINTED_MAX - 1);
	return (struct text){ buffer, (size_t)len };
}

/* A comment, a rule or nothing; whoever wrote the old setting has no say in what it is. */
static void check_lines(struct text text)
{
	struct text line;

	while (text.len && text_cut(&text, '\n', &line)) {
		MUST(!line.len || line.at[0] == '#' ||
		     (line.len > 5 && !memcmp(line.at, "bind ", 5)));
		for (size_t i = 0; i < line.len; i++)
			MUST((unsigned char)line.at[i] >= ' ' && line.at[i] != 0x7f);
	}
}

/* Judges what was printed as it would be at a boot: a rule finds its device, and may have it. */
static void check_rules(struct text text)
{
	struct policy *policy = &host.judged.policy;
	const struct plan *plan = &host.judged.plan;

	MUST(parse_policy(&printed, text));
	empty_policy();
	MUST(policy_parse(policy, text_of("/etc/vfio-bind.conf"), text, &host.judged.diag));
	MUST(host_judge(&host, AT_BOOT) == EXIT_AS_CONFIGURED);
	for (size_t rule = 0; rule < policy->rule_count; rule++) {
		bool recipe = rule_has(&policy->rules[rule], SELECT_BOOT_VGA) ||
			      rule_has(&policy->rules[rule], SELECT_BOOT_DISPLAY);
		size_t matched = 0, bound = 0;

		for (size_t i = 0; i < host.judged.inventory.count; i++) {
			struct verdict verdict = plan_verdict(plan, i);

			if (!rule_matches(&host.decision, &policy->rules[rule], i))
				continue;
			matched++;
			bound += verdict.kind == VERDICT_BIND;
		}
		MUST(recipe || (matched == 1 && bound == 1));
		MUST(policy->rules[rule].verb == VERB_BIND && !policy->rules[rule].allow);
	}
}

static void check_import(struct text input)
{
	struct text text;
	int code;

	set_up(input);
	text = run_import(&code);
	if (code == EXIT_NOT_CONFIGURED) {
		MUST(!text.len && complaints == 1);
		return;
	}
	/* There are limits, of 512 devices and 256 rules, and passing one is told. */
	MUST(code == EXIT_AS_CONFIGURED ? !complaints : complaints && code <= EXIT_USAGE);
	check_lines(text);
	check_rules(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text input = { (const char *)data, size };

	if (file < 0)
		file = memfd_create("file", MFD_CLOEXEC);
	MUST(!ftruncate(file, 0) && pwrite(file, data, size, 0) == (ssize_t)size);
	for (enum form form = CMDLINE; form < FORMS; form++) {
		memset(present, 0, sizeof(present));
		present[form] = true;
		check_import(input);
	}
	memset(present, true, sizeof(present));
	check_import(input);
	return 0;
}
