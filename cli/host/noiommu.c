/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noiommu.h"

#include "base/conf_file.h"
#include "base/words.h"
#include "kernels.h"
#include "modplan.h"

/* As the kernel reads a bool: linux/kernel/params.c:param_set_bool. */
static bool is_yes(struct cmdline_word word)
{
	return !word.value.at ||
	       (word.value.len && (word.value.at[0] == 'y' || word.value.at[0] == 'Y' ||
				   word.value.at[0] == '1' || text_is(word.value, "on")));
}

bool noiommu_is_set(struct text parameters, struct text cmdline)
{
	static struct module_params params;
	struct cmdline_word word;
	struct text rest;
	bool set = false;

	module_params(&params, text_of("vfio.ko"), parameters, cmdline);
	rest = text_of(params.text);
	while (cmdline_next(&rest, &word))
		if (cmdline_name_is(word.name, NOIOMMU_PARAMETER))
			set = is_yes(word);
	return set;
}

static bool take_line(void *set, const struct conf_line *line)
{
	struct text rest = line->text, command, module;

	if (word_next(&rest, &command) && text_is(command, "options") &&
	    word_next(&rest, &module) && conf_is_module(module, "vfio") &&
	    noiommu_is_set(rest, text_of("")))
		*(bool *)set = true;
	return true;
}

bool noiommu_counts(const struct host *host, size_t index, struct text driver)
{
	const struct device *device = &host->judged.inventory.devices[index];

	return (device->known & FACT_GROUP) && device->group == GROUP_NONE &&
	       driver_is_passthrough(driver) && !text_is(driver, "pci-stub") &&
	       !module_name_equal(driver, text_of(host->drivers[index]));
}

static bool take_config(void *has, const struct conf_line *line)
{
	*(bool *)has |= text_is(line->text, "CONFIG_VFIO_NOIOMMU=y");
	return true;
}

/* True if the configuration of the kernel is there to read; has is what it says: vfio/Kconfig. */
static bool read_config(struct host *host, bool *has)
{
	struct machine *machine = &host->judged.machine;
	char release[NAME_SIZE], path[MACHINE_PATH_SIZE], dir[MACHINE_PATH_SIZE];

	host_running(host, release);
	if ((!join(path, sizeof(path), "boot/config-", release, "") ||
	     !machine_has(machine, path)) &&
	    (!kernel_dir(machine, release, dir) || !join(path, sizeof(path), dir, "/config", "") ||
	     !machine_has(machine, path)))
		return false;
	return !conf_read(machine, path, take_config, has);
}

static enum noiommu read_mode(struct host *host)
{
	bool has = false, set = noiommu_is_set(text_of(""), text_of(host->judged.cmdline));

	if (host->from_file || !read_config(host, &has))
		return NOIOMMU_UNKNOWN;
	if (!has)
		return NOIOMMU_NEVER;
	if (!set)
		(void)conf_read_modprobe(&host->judged.machine, take_line, &set);
	return set ? NOIOMMU_SET : NOIOMMU_UNSET;
}

static enum noiommu mode_of(struct host *host)
{
	if (host->noiommu == NOIOMMU_UNREAD)
		host->noiommu = read_mode(host);
	return host->noiommu;
}

bool noiommu_is_known(struct host *host)
{
	return mode_of(host) == NOIOMMU_UNSET || mode_of(host) == NOIOMMU_SET;
}

const char *noiommu_advice(struct host *host, size_t index, struct text driver)
{
	if (!noiommu_counts(host, index, driver))
		return NULL;
	switch (mode_of(host)) {
	case NOIOMMU_NEVER:
		return "turn the IOMMU on: this kernel was built without CONFIG_VFIO_NOIOMMU";
	case NOIOMMU_UNSET:
		return "turn the IOMMU on instead, or add vfio." NOIOMMU_PARAMETER
		       "=1 to the kernel command line";
	case NOIOMMU_UNREAD:
	case NOIOMMU_UNKNOWN:
	case NOIOMMU_SET:
		break;
	}
	return NULL;
}
