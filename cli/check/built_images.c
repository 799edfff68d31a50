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

/* One from outside the kernel's tree need not have the alias, so this is a warning only. */
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

static const char *advice_of(enum image_state state)
{
	return state == IMAGE_UNREADABLE ? "look as root, and at each: vfio-bind verify IMAGE" :
					   "build anew: vfio-bind update";
}

static void say_kernels(struct findings *findings, enum severity severity, enum image_state state,
			const char *what)
{
	const struct images *images = findings->images;
	struct releases releases = { 0 };
	struct finding *finding;

	for (size_t i = 0; i < images->count; i++)
		if (images->list[i].state == state && !images->list[i].overlay)
			add_release(&releases, images->list[i].kernel->release);
	if (!releases.count)
		return;
	finding = finding_add(findings, severity, "image", "kernel %s: %s", releases.text, what);
	finding_advise(finding, "%s", advice_of(state));
}

/* It is made by hand, so each is named. */
static void say_overlays(struct findings *findings, enum severity severity, enum image_state state,
			 const char *what)
{
	const struct images *images = findings->images;
	char remedy[IMAGE_REMEDY_SIZE];

	for (size_t i = 0; i < images->count; i++) {
		const struct image *image = &images->list[i];
		struct finding *finding;

		if (!image->overlay || image->state != state)
			continue;
		finding = finding_add(findings, severity, "image", "kernel %s: the overlay has %s",
				      image->kernel->release, what);
		finding_set_place(finding, "/%s", image->path);
		finding_advise(finding, "make it anew: %s", image_remedy(image, remedy));
	}
}

/* What is amiss is said of each, by the file it is in. */
static void say_image(struct findings *findings, const struct image *image)
{
	bool wrong = image->state == IMAGE_WRONG && image->next;
	char remedy[IMAGE_REMEDY_SIZE];
	struct finding *finding;

	if (image->state != IMAGE_WRONG && image->state != IMAGE_OUTDATED &&
	    image->state != IMAGE_UNKNOWN)
		return;
	finding =
		finding_add(findings,
			    wrong                         ? SEVERITY_ERROR :
			    image->state == IMAGE_UNKNOWN ? SEVERITY_UNKNOWN :
							    SEVERITY_WARNING,
			    "image", "kernel %s: %s: %s", image->kernel->release,
			    image->state == IMAGE_UNKNOWN ? "what the image will do is not known" :
							    "the image will not do what /etc says",
			    image->detail);
	finding_set_place(finding, "/%s", image->path);
	if (image->state == IMAGE_UNKNOWN)
		finding_advise(finding, "look at it: vfio-bind verify /%s", image->path);
	else
		finding_advise(finding, "%s anew: %s", image->overlay ? "make it" : "build",
			       image_remedy(image, remedy));
}

/* Our own words on the command line check_rules() tells of. */
static void say_words(struct findings *findings)
{
	const struct image_model *forecast = findings->images->forecast;
	struct finding *finding;

	if (!forecast || !forecast->words[0] || findings->host->judged.words.mode != MODE_ON)
		return;
	finding = finding_add(findings, SEVERITY_WARNING, "cmdline", "%s", forecast->words);
	finding_advise(finding, "take that word off the kernel command line");
}

static void check_states(struct findings *findings)
{
	const struct images *images = findings->images;
	bool configured = policy_says_anything(&findings->host->judged.policy);

	for (size_t i = 0; i < images->count; i++) {
		enum image_state state = images->list[i].state;

		if (configured || state != IMAGE_UNKNOWN)
			say_image(findings, &images->list[i]);
		findings->pending |=
			images->list[i].next && (state == IMAGE_POLICY || state == IMAGE_OUTDATED ||
						 (configured && state == IMAGE_NONE));
	}
	if (configured) {
		say_kernels(findings, SEVERITY_WARNING, IMAGE_NONE,
			    "the image was built without vfio-bind, which binds nothing there");
		say_kernels(findings, SEVERITY_UNKNOWN, IMAGE_UNREADABLE,
			    "the image cannot be read: what it will do is not known");
	}
	say_kernels(findings, SEVERITY_WARNING, IMAGE_POLICY,
		    "the image has another policy than /etc now");
	say_kernels(findings, SEVERITY_NOTE, IMAGE_VERSION,
		    "the image has another binder than the one that is installed");
	say_overlays(findings, SEVERITY_WARNING, IMAGE_POLICY, "another policy than /etc now");
	say_overlays(findings, SEVERITY_NOTE, IMAGE_VERSION,
		     "another binder than the one that is installed");
	say_words(findings);
}

void check_images(struct findings *findings)
{
	const struct images *images = findings->images;
	struct finding *finding;

	if (findings->host->mistakes.diag.mistakes)
		return;
	if (!images->count) {
		finding = finding_add(
			findings, SEVERITY_UNKNOWN, "image",
			"no kernel is installed in /lib/modules: images cannot be judged");
		finding_advise(finding, "check on the host whose kernel boots");
		return;
	}
	for (size_t i = 0; i < images->count; i++)
		check_drivers(findings, &images->list[i]);
	check_states(findings);
}
