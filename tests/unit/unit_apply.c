/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "apply.h"

#include "judge.h"
#include "table.h"
#include "world.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE  "sys/bus/pci/devices/0000:01:00.0"
#define DRIVERS "sys/bus/pci/drivers/"

/* A device whose driver is another once the modules are loaded. */
struct race {
	const char *name;
	const char *machine, *policy;
	const char *now;                      /* the driver that has it then, or NULL */
	const char *override, *bind, *unbind; /* what is in these files in the end */
	enum verdict_kind kind;
};

#define NIC  "01:00.0 020000 8086:1533"
#define CARD "01:00.0 120000 10de:2330"

static const struct race races[] = {
	{ "nothing changes", NIC " driver=igb", "bind network", "igb", "vfio-pci", "",
	  "0000:01:00.0", VERDICT_BIND },
	{ "the new driver has it already", NIC, "bind network", "vfio-pci", "vfio-pci", "", "",
	  VERDICT_BIND },
	{ "a driver that came lets go of it", NIC, "bind network", "igb", "vfio-pci", "",
	  "0000:01:00.0", VERDICT_BIND },
	{ "a driver that came is judged once more", CARD, "bind accelerator", "igb", "\n", "", "",
	  VERDICT_REFUSE },
	{ "and by what its rule allows", CARD, "bind accelerator allow=bound-display", "igb",
	  "vfio-pci", "", "0000:01:00.0", VERDICT_BIND },
	{ "a driver that has gone is no failure", NIC " driver=igb", "bind network", NULL,
	  "vfio-pci", "0000:01:00.0", "", VERDICT_BIND },
};

static const struct race *running;
static int tree;

static void put(const char *path, const char *text)
{
	int fd = openat(tree, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

static void assert_holds(const char *path, const char *text)
{
	char found[64] = "";
	int fd = openat(tree, path, O_RDONLY);

	assert_true(fd >= 0 && read(fd, found, sizeof(found) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(found, text);
}

static void plant(void)
{
	static const char *const folders[] = { "sys",         "sys/bus",
					       "sys/bus/pci", "sys/bus/pci/devices",
					       DEVICE,        "sys/bus/pci/drivers",
					       DRIVERS "igb", DRIVERS "vfio-pci" };
	static const char *const files[] = { DEVICE "/uevent", DEVICE "/driver_override",
					     DRIVERS "igb/unbind", DRIVERS "vfio-pci/bind",
					     "sys/bus/pci/drivers_probe" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(mkdirat(tree, folders[i], 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		put(files[i], "");
}

/* As loading a module takes its time, and other drivers do not wait. */
static void meanwhile(struct boot *boot)
{
	char target[64];

	(void)boot;
	(void)snprintf(target, sizeof(target), "../../drivers/%s",
		       running->now ? running->now : "");
	if (running->now)
		assert_int_equal(symlinkat(target, tree, DEVICE "/driver"), 0);
}

static void check_race(void **state)
{
	static struct judgement judged;
	/* Shared with the child that takes the device, as in the programs. */
	struct boot *boot = mmap(NULL, sizeof(*boot), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char root[] = "/tmp/unit-apply-XXXXXX", mistakes[256], command[64];
	struct decision decision;

	(void)lacking; /* world.h has it for decisions of its own */
	running = *state;
	assert_non_null(mkdtemp(root));
	tree = open(root, O_RDONLY | O_DIRECTORY);
	plant();
	assert_true(boot != MAP_FAILED);
	memset(&judged, 0, sizeof(judged));
	set_machine(running->machine);
	assert_true(set_policy(running->policy, strlen(running->policy), mistakes));
	judged.inventory = inventory;
	judged.policy = policy;
	assert_int_equal(machine_open(&judged.machine, root), 0);
	assert_int_equal(judge(&judged, &decision), 0);
	boot->judged = &judged;
	boot->deadline_ms = INT64_MAX;
	boot->load_modules = meanwhile;
	assert_int_equal(apply(boot), 0);
	assert_holds(DEVICE "/driver_override", running->override);
	assert_holds(DRIVERS "vfio-pci/bind", running->bind);
	assert_holds(DRIVERS "igb/unbind", running->unbind);
	assert_int_equal(plan_verdict(&judged.plan, 0).kind, running->kind);
	assert_int_equal(boot->outcomes[0].err, 0);
	(void)snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
	machine_close(&judged.machine);
	(void)munmap(boot, sizeof(*boot));
	(void)close(tree);
}

int main(void)
{
	return TABLE(races, check_race);
}
