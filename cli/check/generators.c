/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf_file.h"
#include "check.h"
#include "host/kernels.h"
#include "payload/module_plan.h"

#include <stdio.h>

/*
 * Part of vfio itself since 6.2 (linux: drivers/vfio/Kconfig), yet in most guides: generators
 * stop or warn where a module they are told to take is not there.
 */
#define GONE "vfio_virqfd"

/*
 * Where generators, and the boot itself, are told which modules to take: a file, or directories
 * with files that end so: dracut.conf(5), mkinitcpio(8), modules-load.d(5).
 */
static const struct {
	const char *suffix, *paths[4];
} places[] = {
	{ NULL, { "etc/initramfs-tools/modules" } },
	{ "", { "usr/share/initramfs-tools/modules.d" } },
	{ NULL, { "etc/dracut.conf" } },
	{ ".conf", { "etc/dracut.conf.d", "usr/lib/dracut/dracut.conf.d" } },
	{ NULL, { "etc/mkinitcpio.conf" } },
	{ ".conf", { "etc/mkinitcpio.conf.d" } },
	{ NULL, { "etc/booster.yaml" } },
	{ NULL, { "etc/modules" } },
	{ ".conf",
	  { "etc/modules-load.d", "run/modules-load.d", "usr/local/lib/modules-load.d",
	    "usr/lib/modules-load.d" } },
};

/* True if a kernel lacks it; where none is installed here that cannot be told. */
static bool kernel_lacks(struct host *host, const char *release)
{
	static struct moduleplan plan;
	bool has;

	if (moduleplan_open(&plan, &host->judged.machine, release))
		return false;
	has = kernel_has(plan.kmod, GONE);
	moduleplan_close(&plan);
	return !has;
}

/* The newest kernel that lacks it, "since 6.2" where none is installed here, or NULL. */
static const char *find_lacking(struct host *host)
{
	static struct kernels kernels;

	if (kernels_find(&kernels, &host->judged.machine, host->kernel) || !kernels.count)
		return "since 6.2";
	for (size_t i = kernels.count; i-- > 0;)
		if (kernel_lacks(host, kernels.list[i].release))
			return kernels.list[i].release;
	return NULL;
}

static bool take_line(void *context, const struct conf_line *line)
{
	struct findings *findings = context;
	struct finding *finding;
	char place[CONF_PLACE_SIZE];
	const char *lacking;

	if (!conf_has_word(line->text, GONE))
		return true;
	lacking = find_lacking(findings->host);
	if (!lacking)
		return false;
	conf_place(line, place);
	finding = finding_add(findings, SEVERITY_WARNING, "virqfd",
			      "%s names " GONE ", which kernel %s does not have: the image may not "
			      "be built, or a module be missed at boot",
			      place, lacking);
	finding_advise(finding, "remove that word; vfio-bind needs none of these lines");
	finding_set_place(finding, "%s", place);
	return true;
}

void check_generators(struct findings *findings)
{
	struct machine *machine = &findings->host->judged.machine;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		size_t count = 0;
		int err;

		while (count < ARRAY_SIZE(places[i].paths) && places[i].paths[count])
			count++;
		err = places[i].suffix ?
			      conf_read_dirs(machine, places[i].paths, count, places[i].suffix,
					     take_line, findings) :
			      conf_read(machine, places[i].paths[0], take_line, findings);
		(void)finding_unreadable(findings, "generators",
					 places[i].suffix ? machine->failed : places[i].paths[0],
					 err);
	}
}
