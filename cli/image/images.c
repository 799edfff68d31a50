/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "images.h"

#include "base/digest.h"
#include "base/state.h"
#include "image_cache.h"
#include "rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the system that boots next. The boot loader's copy has a hash for a name. */
#define NIXOS_IMAGE "nix/var/nix/profiles/system/initrd"

/* What one image, or an archive beside it, was found to be. */
struct looked {
	enum image_state state;
	const char *detail;
};

struct looking {
	struct images *images;
	struct host *host;
	uint64_t binder; /* digest of the one that is installed, 0 for none */
	/* What the last image will do, and what the one that boots next will: they change places. */
	struct image_model *model, *forecast;
};

static uint64_t digest_binder(struct machine *machine)
{
	int fd = machine_openat(machine, IMAGE_BINDER_FILE, O_RDONLY | O_NONBLOCK);
	uint64_t digest = DIGEST_START;
	char buffer[16384];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, buffer, sizeof(buffer))) > 0)
		digest = digest_add(digest, buffer, (size_t)n);
	if (fd >= 0)
		(void)close(fd);
	return n < 0 ? 0 : digest;
}

/* What is amiss with the image on any machine: the first part that is worse than unknown. */
static const struct image_finding *find_wrong(const struct image_parts *parts,
					      enum finding_kind least)
{
	for (enum part part = 0; part < PARTS; part++)
		if (parts->own[part].kind >= least && !(parts->overlay && part == PART_ORDER))
			return &parts->own[part];
	return NULL;
}

static struct looked judge_parts(const struct looking *looking, const struct image_parts *parts)
{
	const struct image_model *model = looking->model;
	const struct image_finding *wrong = find_wrong(parts, FOUND_MISSING);
	const struct image_finding *unknown = find_wrong(parts, FOUND_UNKNOWN);

	if (!parts->ours)
		return (struct looked){ IMAGE_NONE, "" };
	if (wrong)
		return (struct looked){ IMAGE_WRONG, wrong->detail };
	if (!model->same_policy)
		return (struct looked){ IMAGE_POLICY, "" };
	if (parts->lacks_vfio_pci && looking->host->judged.policy.rule_count)
		return (struct looked){ IMAGE_WRONG, "its kernel has no vfio-pci" };
	if (model->functions >= FOUND_OUTDATED)
		return (struct looked){ model->functions == FOUND_WRONG ? IMAGE_WRONG :
									  IMAGE_OUTDATED,
					model->detail };
	if (model->functions == FOUND_UNKNOWN)
		return (struct looked){ IMAGE_UNKNOWN, model->detail };
	if (unknown)
		return (struct looked){ IMAGE_UNKNOWN, unknown->detail };
	if (looking->binder && parts->binder != looking->binder)
		return (struct looked){ IMAGE_VERSION, "" };
	return (struct looked){ IMAGE_CURRENT, "" };
}

static bool is_fallback(const char *path)
{
	return strstr(path, "fallback");
}

/*
 * True if the kernel's state becomes that of this image. One without us beside an archive of ours
 * is as it should be; so is a fallback image beside another.
 */
static bool takes_over(const struct image *image, const struct looked *looked, const char *path,
		       bool overlay)
{
	if (!image->path[0])
		return true;
	if (image->overlay != overlay && (overlay ? image->state : looked->state) == IMAGE_NONE)
		return overlay;
	if (is_fallback(image->path) != is_fallback(path))
		return is_fallback(image->path);
	return looked->state > image->state;
}

static void put_result(struct looking *looking, struct image *image, const struct looked *looked,
		       const char *path, bool overlay)
{
	struct image_model *model = looking->model;

	if (!takes_over(image, looked, path, overlay))
		return;
	image->state = looked->state;
	image->overlay = overlay;
	(void)join(image->path, sizeof(image->path), path, "", "");
	(void)join(image->detail, sizeof(image->detail), looked->detail, "", "");
	if (image != &looking->images->list[looking->images->count - 1])
		return;
	looking->images->forecast = model->known ? model : NULL;
	looking->model = looking->forecast;
	looking->forecast = model;
}

/* Whose image nobody may read, its name tells. */
static void note_unreadable(struct looking *looking, const char *path, int err)
{
	for (size_t i = 0; i < looking->images->count; i++) {
		struct image *image = &looking->images->list[i];

		if (image->path[0] || !strstr(path, image->kernel->release))
			continue;
		image->state = IMAGE_UNREADABLE;
		(void)snprintf(image->detail, sizeof(image->detail), "/%.300s: %s", path,
			       strerror(-err));
	}
}

static void look_at(struct looking *looking, const char *path)
{
	static struct image_parts parts;
	struct machine *machine = &looking->host->judged.machine;
	int err = image_cache_read(&parts, machine, path);

	if (err)
		note_unreadable(looking, path, err);
	for (size_t i = 0; !err && i < looking->images->count; i++) {
		struct image *image = &looking->images->list[i];
		struct looked looked;

		if (strcmp(parts.release, image->kernel->release) != 0)
			continue;
		image_model(looking->model, &parts, path, looking->host);
		looked = judge_parts(looking, &parts);
		put_result(looking, image, &looked, path, parts.overlay);
	}
	image_parts_free(&parts);
}

/* Where there is no image to read, a stamp may say that the last one had another policy. */
static void go_by_stamp(const struct images *images, struct image *image)
{
	bool denied = image->detail[0] || images->denied;

	if (image->path[0])
		return;
	image->state = image->stamp.state == STAMP_POLICY ? IMAGE_POLICY : IMAGE_UNREADABLE;
	if (image->stamp.state == STAMP_NONE && !denied)
		image->state = IMAGE_NONE;
	if (!image->detail[0])
		(void)join(image->detail, sizeof(image->detail),
			   denied ? "/boot may not be read" :
				    "there is no image of it in /boot or /efi",
			   "", "");
}

static void list_kernels(struct images *images, struct host *host)
{
	struct machine *machine = &host->judged.machine;
	char running[NAME_SIZE];

	host_running(host, running);
	(void)kernels_find(&images->kernels, machine, running);
	for (size_t i = 0; i < images->kernels.count; i++) {
		struct image *image = &images->list[images->count++];

		*image = (struct image){ .kernel = &images->kernels.list[i] };
		image->next = image->kernel->running || i + 1 == images->kernels.count;
		stamp_read(machine, image->kernel->release, &host->judged.policy_text,
			   &image->stamp);
		image->built = image->stamp.when;
	}
}

static void look_at_overlay(struct looking *looking, const struct kernel *kernel)
{
	struct machine *machine = &looking->host->judged.machine;
	char path[MACHINE_PATH_SIZE];

	if (stamp_read_overlay(machine, kernel->release, path) && machine_has(machine, path))
		look_at(looking, path);
}

void images_read(struct images *images, struct host *host)
{
	static struct image_model models[2];
	static struct rebuild_images found;
	struct looking looking = { images, host, 0, &models[0], &models[1] };

	images->count = 0;
	images->forecast = NULL;
	images->denied = false;
	if (host->from_file)
		return;
	list_kernels(images, host);
	if (!images->count)
		return;
	rebuild_list(&found, &host->judged.machine, 0);
	images->denied = found.denied;
	looking.binder = digest_binder(&host->judged.machine);
	for (size_t i = 0; i < found.count; i++)
		look_at(&looking, found.paths[i]);
	if (machine_has(&host->judged.machine, NIXOS_IMAGE))
		look_at(&looking, NIXOS_IMAGE);
	for (size_t i = 0; i < images->count; i++) {
		struct image *image = &images->list[i];

		look_at_overlay(&looking, image->kernel);
		if (image->path[0])
			image->built = state_time(&host->judged.machine, image->path);
		go_by_stamp(images, image);
	}
	if (host->mistakes.diag.mistakes) /* then /etc wants nothing, as nobody meant it */
		images->forecast = NULL;
}

bool images_are_stale(const struct images *images)
{
	for (size_t i = 0; i < images->count; i++) {
		const struct image *image = &images->list[i];

		if (image->next && image->state >= IMAGE_OUTDATED &&
		    (image->state != IMAGE_NONE || image->path[0]))
			return true;
	}
	return false;
}

bool images_have_ours(const struct images *images)
{
	for (size_t i = 0; i < images->count; i++)
		if (images->list[i].next && images->list[i].state != IMAGE_NONE &&
		    (images->list[i].path[0] || images->list[i].stamp.state != STAMP_NONE))
			return true;
	return false;
}

bool images_are_right(const struct images *images)
{
	for (size_t i = 0; images->forecast && i < images->forecast->count; i++)
		if (images->forecast->rows[i].differs)
			return false;
	return true;
}

const struct model_row *images_differ(const struct images *images, size_t index)
{
	const struct image_model *forecast = images->forecast;

	return forecast && index < forecast->count && forecast->rows[index].differs ?
		       &forecast->rows[index] :
		       NULL;
}

const char *image_word(enum image_state state)
{
	static const char *const words[] = {
		[IMAGE_CURRENT] = "current",   [IMAGE_VERSION] = "other-version",
		[IMAGE_UNKNOWN] = "unknown",   [IMAGE_UNREADABLE] = "unreadable",
		[IMAGE_OUTDATED] = "outdated", [IMAGE_POLICY] = "other-policy",
		[IMAGE_NONE] = "none",         [IMAGE_WRONG] = "wrong",
	};

	return words[state];
}

const char *image_remedy(const struct image *image, char out[IMAGE_REMEDY_SIZE])
{
	(void)snprintf(out, IMAGE_REMEDY_SIZE, "vfio-bind update");
	if (image->overlay)
		(void)snprintf(out, IMAGE_REMEDY_SIZE, "vfio-bind overlay --kernel %s -o /%s",
			       image->kernel->release, image->path);
	return out;
}

const char *images_remedy(const struct images *images, char out[IMAGE_REMEDY_SIZE])
{
	static const struct image none;

	return image_remedy(images->count ? &images->list[images->count - 1] : &none, out);
}
