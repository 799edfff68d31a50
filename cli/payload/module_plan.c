/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "module_plan.h"

#include "base/complain.h"
#include "host/kernel_variants.h"
#include "host/kernels.h"
#include "load.h"
#include "modplan.h"
#include "variant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Where modprobe reads its configuration, the first file of a name winning: kmod's
 * libkmod/libkmod.c. Without run/modprobe.d: what stands there is gone when the image boots.
 */
static const char *const config_dirs[] = {
	"etc/modprobe.d",
	"usr/local/lib/modprobe.d",
	"usr/lib/modprobe.d",
	"lib/modprobe.d",
};

struct kmod_path {
	char text[4096]; /* PATH_MAX of linux/limits.h */
};

/* A path for libkmod, which knows no other root: links in it are resolved below ours first. */
static bool resolve(struct machine *machine, const char *path, struct kmod_path *out)
{
	char link[64];
	ssize_t len;
	int fd = machine_openat(machine, path, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, out->text, sizeof(out->text) - 1);
	(void)close(fd);
	if (len > 0)
		out->text[len] = '\0';
	else if (!machine->confined) /* a chroot without proc */
		len = join(out->text, sizeof(out->text), "/", path, "");
	return len > 0;
}

static bool find_modules(struct machine *machine, const char *release, struct kmod_path *out)
{
	char path[MACHINE_PATH_SIZE];

	return kernel_dir(machine, release, path) && resolve(machine, path, out);
}

static struct kmod_ctx *open_kmod(struct machine *machine, const char *release)
{
	static struct kmod_path modules, dirs[ARRAY_SIZE(config_dirs)];
	const char *config[ARRAY_SIZE(config_dirs) + 1];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(config_dirs); i++)
		if (resolve(machine, config_dirs[i], &dirs[count])) {
			config[count] = dirs[count].text;
			count++;
		}
	config[count] = NULL;
	/* With NULL libkmod would take the running kernel's. */
	if (!find_modules(machine, release, &modules))
		(void)strcpy(modules.text, "/nonexistent");
	return kmod_new(modules.text, config);
}

static ssize_t count_options(struct kmod_ctx *kmod)
{
	struct kmod_config_iter *iter = kmod ? kmod_config_get_options(kmod) : NULL;
	ssize_t count = 0;

	if (!iter)
		return -ENOMEM;
	while (kmod_config_iter_next(iter))
		count++;
	kmod_config_iter_free_iter(iter);
	return count;
}

/*
 * libkmod puts the options of /proc/cmdline, which is the build host's, behind those of all
 * files (libkmod/libkmod-config.c:kmod_config_new). One that was given no files knows those
 * alone, and so says how many there are.
 */
static int tell_options_apart(struct moduleplan *plan)
{
	static const char *const no_config[] = { NULL };
	struct kmod_ctx *cmdline = kmod_new("/nonexistent", no_config);
	ssize_t all = count_options(plan->kmod), last = count_options(cmdline);

	if (cmdline)
		(void)kmod_unref(cmdline);
	if (all < 0 || last < 0)
		return -ENOMEM;
	plan->options_of_files = (size_t)(all > last ? all - last : 0);
	return 0;
}

int moduleplan_open(struct moduleplan *plan, struct machine *machine, const char *release)
{
	int err;

	*plan = (struct moduleplan){ .release = release };
	plan->kmod = open_kmod(machine, release);
	if (!plan->kmod)
		return -ENOMEM;
	plan->aliases = kernel_variants(machine, release);
	err = plan->aliases ? tell_options_apart(plan) : -ENOMEM;
	if (err)
		moduleplan_close(plan);
	return err;
}

void moduleplan_close(struct moduleplan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		(void)kmod_module_unref(plan->modules[i].module);
	(void)kmod_unref(plan->kmod);
	free(plan->aliases);
}

/* What only another variant needs may not be loaded. */
static struct planned_module *find(struct moduleplan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if ((!plan->modules[i].variant || plan->modules[i].variant == plan->adding) &&
		    !strcmp(kmod_module_get_name(plan->modules[i].module), name))
			return &plan->modules[i];
	return NULL;
}

bool moduleplan_repeats(const struct moduleplan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (plan->modules[i].module == plan->modules[index].module)
			return true;
	return false;
}

/* By the kernel's index, not by what is loaded here: kmod asks that first. */
static bool is_builtin(struct kmod_module *module)
{
	return !kmod_module_get_path(module) &&
	       kmod_module_get_initstate(module) == KMOD_MODULE_BUILTIN;
}

/* An install command by which a module is never to be loaded: modprobe.d(5). */
static bool means_never(const char *command)
{
	static const char *const commands[] = { "/bin/true",      "/bin/false", "/usr/bin/true",
						"/usr/bin/false", "true",       "false" };
	size_t len = strcspn(command, " \t");

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (text_is((struct text){ command, len }, commands[i]))
			return true;
	return false;
}

static bool warn_of_install(struct kmod_module *module)
{
	const char *name = kmod_module_get_name(module);
	const char *command = kmod_module_get_install_commands(module);
	bool never = means_never(command);

	warn("modprobe.d has \"install %s %s\": %s", name, command,
	     never ? "the module is left out" : "the module is loaded, the command is not run");
	return never;
}

/* libkmod hands no data of ours to its callback. */
static struct moduleplan *walking;

/* A module of the walk. It lists some twice, first where they are needed first. */
static void collect(struct kmod_module *module, bool install, const char *options)
{
	struct moduleplan *plan = walking;

	(void)options; /* the build host's command line is among them */
	if (!kmod_module_get_path(module) && !is_builtin(module))
		return; /* it is not there */
	if (find(plan, kmod_module_get_name(module)))
		return;
	if (plan->count == PLAN_MODULES_MAX) {
		plan->full = true;
		return;
	}
	plan->modules[plan->count++] = (struct planned_module){
		.module = kmod_module_ref(module),
		.builtin = is_builtin(module),
		.left_out = install && warn_of_install(module),
		.variant = plan->adding,
	};
}

/* True if the kernel has the module. */
static bool walk(struct moduleplan *plan, struct kmod_module *module, const char *asked)
{
	const unsigned flags = KMOD_PROBE_DRY_RUN | KMOD_PROBE_IGNORE_LOADED;
	struct kmod_list *dependencies, *item;
	struct planned_module *planned;

	walking = plan;
	(void)kmod_module_probe_insert_module(module, flags, NULL, NULL, NULL, collect);
	/* Soft dependencies are not among these: without those a driver loads all the same. */
	dependencies = kmod_module_get_dependencies(module);
	kmod_list_foreach(item, dependencies)
	{
		struct kmod_module *dependency = kmod_module_get_module(item);

		planned = find(plan, kmod_module_get_name(dependency));
		if (planned)
			planned->required = true;
		(void)kmod_module_unref(dependency);
	}
	(void)kmod_module_unref_list(dependencies);
	planned = find(plan, kmod_module_get_name(module));
	if (!planned)
		return false;
	planned->required = true;
	planned->asked = asked;
	return true;
}

bool moduleplan_add_module(struct moduleplan *plan, const char *name)
{
	struct kmod_list *list = NULL, *item;
	bool found = false;

	if (kmod_module_new_from_lookup(plan->kmod, name, &list) < 0)
		list = NULL;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		found |= walk(plan, module, name);
		(void)kmod_module_unref(module);
	}
	(void)kmod_module_unref_list(list);
	return found;
}

void moduleplan_add(struct moduleplan *plan, const char *driver)
{
	if (!moduleplan_add_module(plan, driver))
		warn("kernel %s has no %s: what is chosen for it will be left without a driver",
		     plan->release, driver);
	else if (!moduleplan_proves(plan, driver))
		warn("%s is no vfio variant driver of kernel %s: no alias vfio_pci: leads to it",
		     driver, plan->release);
}

bool moduleplan_proves(const struct moduleplan *plan, const char *driver)
{
	return !strcmp(driver, DRIVER_DEFAULT) || !strcmp(driver, "pci-stub") ||
	       variants_name(text_of(plan->aliases), text_of(driver));
}

static bool has_variant(const struct moduleplan *plan, struct text driver)
{
	for (size_t i = 0; i < plan->variant_count; i++)
		if (text_is(driver, plan->variants[i]))
			return true;
	return false;
}

void moduleplan_add_variants(struct moduleplan *plan, struct machine *machine,
			     const struct inventory *inventory)
{
	const struct text all = text_of(plan->aliases);
	struct text rest = all, refused = text_of("");
	struct module_step step;

	while (plan->variant_count < PLAN_VARIANTS_MAX && modplan_next(&rest, &step) > 0) {
		char *driver = plan->variants[plan->variant_count];

		if (has_variant(plan, step.file) || text_equal(step.file, refused))
			continue;
		if (inventory && !variants_want(all, machine, inventory, step.file)) {
			refused = step.file; /* of one driver there are many lines, in a row */
			continue;
		}
		memcpy(driver, step.file.at, step.file.len);
		driver[step.file.len] = '\0';
		plan->variant_count++;
		plan->adding = driver;
		moduleplan_add(plan, driver);
		plan->adding = NULL;
	}
}

bool planned_file(const struct planned_module *planned, char *out, size_t size)
{
	const char *path = kmod_module_get_path(planned->module);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *suffix = strstr(name, ".ko");
	size_t len = suffix ? (size_t)(suffix - name) + 3 : strlen(name);

	return snprintf(out, size, "%.*s", (int)len, name) < (int)size;
}

/*
 * Writes the options a module has in files, a blank before each, as kmod_module_get_options()
 * puts them together; to nowhere without out. Returns whether there are any.
 */
static bool write_options(const struct moduleplan *plan, const struct planned_module *planned,
			  FILE *out)
{
	struct kmod_config_iter *iter = kmod_config_get_options(plan->kmod);
	struct text name = text_of(kmod_module_get_name(planned->module));
	bool any = false;

	for (size_t i = 0; i < plan->options_of_files && kmod_config_iter_next(iter); i++) {
		struct text key = text_of(kmod_config_iter_get_key(iter));

		if (!module_name_equal(key, name) &&
		    (!planned->asked || !module_name_equal(key, text_of(planned->asked))))
			continue;
		any = true;
		if (out)
			(void)fprintf(out, " %s", kmod_config_iter_get_value(iter));
	}
	if (iter)
		kmod_config_iter_free_iter(iter);
	return any;
}

/* Parameters of what is part of the kernel come from its command line alone. */
static void write_builtin(const struct moduleplan *plan, const struct planned_module *planned,
			  FILE *out)
{
	const char *name = kmod_module_get_name(planned->module);

	(void)fprintf(out, "builtin %s\n", name);
	if (write_options(plan, planned, NULL))
		warn("%s is built into kernel %s, so its options in modprobe.d count for nothing: "
		     "put %s.NAME=VALUE on the kernel command line",
		     name, plan->release, name);
}

static void write_module(const struct moduleplan *plan, const struct planned_module *planned,
			 FILE *out)
{
	char file[NAME_SIZE];

	if (planned->builtin)
		write_builtin(plan, planned, out);
	if (planned->builtin || planned->left_out || !planned_file(planned, file, sizeof(file)))
		return;
	(void)fprintf(out, "load %s %s", file, planned->required ? "required" : "optional");
	(void)write_options(plan, planned, out);
	(void)fputc('\n', out);
}

/* Those that one variant alone needs, or with an empty name what is loaded in any case. */
static void write_modules(const struct moduleplan *plan, struct text variant, FILE *out)
{
	for (size_t i = 0; i < plan->count; i++)
		if (text_is(variant, plan->modules[i].variant ? plan->modules[i].variant : ""))
			write_module(plan, &plan->modules[i], out);
}

void moduleplan_write(const struct moduleplan *plan, FILE *out)
{
	bool written[PLAN_VARIANTS_MAX] = { false };
	struct text rest = text_of(plan->aliases);
	struct module_step step;

	(void)fprintf(out, MODPLAN_HEADER "\nkernel %s\n", plan->release);
	write_modules(plan, text_of(""), out);
	/*
	 * Variants in the order they have: it counts where two match alike. What a variant needs
	 * stands behind its first line.
	 */
	while (modplan_next(&rest, &step) > 0) {
		for (size_t i = 0; i < plan->variant_count; i++) {
			if (!text_is(step.file, plan->variants[i]))
				continue;
			(void)fprintf(out, "variant %s %.*s\n", plan->variants[i],
				      (int)step.options.len, step.options.at);
			if (!written[i])
				write_modules(plan, step.file, out);
			written[i] = true;
		}
	}
}
