/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "images.h"

void images_read(struct images *images, struct host *host)
{
	char running[NAME_SIZE];

	images->count = 0;
	if (host->from_file)
		return;
	host_running(host, running);
	(void)kernels_find(&images->kernels, &host->judged.machine, running);
	for (size_t i = 0; i < images->kernels.count; i++) {
		struct image *image = &images->list[images->count++];

		image->kernel = &images->kernels.list[i];
		image->next = image->kernel->running || i + 1 == images->kernels.count;
		stamp_read(&host->judged.machine, image->kernel->release, &host->judged.policy_text,
			   &image->stamp);
	}
}

bool images_are_stale(const struct images *images)
{
	for (size_t i = 0; i < images->count; i++)
		if (images->list[i].next && images->list[i].stamp.state == STAMP_POLICY)
			return true;
	return false;
}

bool images_have_ours(const struct images *images)
{
	for (size_t i = 0; i < images->count; i++)
		if (images->list[i].next && images->list[i].stamp.state != STAMP_NONE)
			return true;
	return false;
}

const char *stamp_word(enum stamp_state state)
{
	switch (state) {
	case STAMP_NONE:
		return "none";
	case STAMP_SAME:
		return "current";
	case STAMP_POLICY:
		return "other-policy";
	case STAMP_VERSION:
		return "other-version";
	case STAMP_UNREADABLE:
		return "unreadable";
	}
	return "?";
}
