/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"
#include "image/images.h"
#include "payload/module_plan.h"
#include "variant.h"

#include <stdio.h>
#include <string.h>

/* Kernels in a sentence. */
struct releases {
	char text[256];
	size_t len, count;
};

static void add_release(struct releases *releases, const char *release)
{
	const size_t size = sizeof(releases->text);

	releases->count++;
	if (releases->len + strlen(release) + 3 < size)
		releases->len +=
			(size_t)snprintf(releases->text + releases->len, size - releases->len,
					 "%s%s", releases->len ? ", " : "", release);
}

static void say_missing(struct findings *findings, const struct image *image, const char *driver)
{
	struct finding *finding = finding_add(
		findings, image->next ? SEVERITY_ERROR : SEVERITY_WARNING, "driver",
		"kernel %s: %s is not among its modules", image->kernel->release, driver);

	finding_advise(finding,
		       "install the package of modules it comes with, or boot another kernel");
}

/* One from outside the kernel's tree need not have the alias: whoever named it may know better. */
static void say_unproven(struct findings *findings, const struct image *image, const char *driver)
{
	struct finding *finding =
		finding_add(findings, SEVERITY_WARNING, "driver",
			    "kernel %s: nothing says that %s hands devices to a guest: it has no "
			    "alias vfio_pci:",
			    image->kernel->release, driver);

	finding_advise(finding, "unless you know that it does, name auto, vfio-pci, pci-stub or a "
				"vfio variant behind driver=");
}

/* True if a rule before this one names the same driver. */
static bool named_before(const struct policy *policy, size_t rule)
{
	for (size_t i = 0; i < rule; i++)
		if (policy->rules[i].verb == VERB_BIND &&
		    text_equal(policy->rules[i].driver, policy->rules[rule].driver))
			return true;
	return false;
}

/* What payload would warn of, for every kernel there is. */
static void check_drivers(struct findings *findings, const struct image *image)
{
	static struct moduleplan plan;
	struct host *host = findings->host;
	const struct policy *policy = &host->judged.policy;

	if (moduleplan_open(&plan, &host->judged.machine, image->kernel->release))
		return;
	for (size_t r = 0; r < policy->rule_count; r++) {
		struct text text = policy->rules[r].driver;
		char driver[DRIVER_SIZE];

		if (policy->rules[r].verb != VERB_BIND || text.len >= sizeof(driver) ||
		    named_before(policy, r))
			continue;
		if (text_is(text, DRIVER_AUTO)) /* the variants are the kernel's own */
			text = text_of(DRIVER_DEFAULT);
		memcpy(driver, text.at, text.len);
		driver[text.len] = '\0';
		if (!kernel_has(plan.kmod, driver))
			say_missing(findings, image, driver);
		else if (!moduleplan_proves(&plan, driver))
			say_unproven(findings, image, driver);
	}
	moduleplan_close(&plan);
}

static void say_images(struct findings *findings, enum severity severity,
		       const struct releases *releases, const char *what)
{
	struct finding *finding;

	if (!releases->count)
		return;
	finding = finding_add(findings, severity, "image", "kernel %s: %s", releases->text, what);
	finding_advise(finding, "build anew: vfio-bind update");
}

static void check_stamps(struct findings *findings, const struct images *images)
{
	bool configured = policy_says_anything(&findings->host->judged.policy);
	struct releases by_state[STAMP_UNREADABLE + 1] = { 0 };

	for (size_t i = 0; i < images->count; i++) {
		const struct image *image = &images->list[i];
		enum stamp_state state = image->stamp.state;

		add_release(&by_state[state], image->kernel->release);
		findings->pending |= image->next &&
				     (state == STAMP_POLICY || (configured && state == STAMP_NONE));
	}
	if (configured)
		say_images(findings, SEVERITY_WARNING, &by_state[STAMP_NONE],
			   "the image was built without vfio-bind, which binds nothing there");
	say_images(findings, SEVERITY_WARNING, &by_state[STAMP_POLICY],
		   "the image has another policy than /etc now");
	say_images(findings, SEVERITY_NOTE, &by_state[STAMP_VERSION],
		   "another version of vfio-bind built the image");
	say_images(findings, SEVERITY_UNKNOWN, &by_state[STAMP_UNREADABLE],
		   "the stamp of the image cannot be read");
}

void check_images(struct findings *findings)
{
	static struct images images;
	struct finding *finding;

	if (findings->host->mistakes.diag.mistakes)
		return;
	images_read(&images, findings->host);
	if (!images.count) {
		finding = finding_add(
			findings, SEVERITY_UNKNOWN, "image",
			"no kernel is installed in /lib/modules: images cannot be judged");
		finding_advise(finding, "check on the host whose kernel boots");
		return;
	}
	for (size_t i = 0; i < images.count; i++)
		check_drivers(findings, &images.list[i]);
	check_stamps(findings, &images);
}
