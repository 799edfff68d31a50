/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_policy.h"

#include <string.h>
#include <sys/stat.h>

static const char *const folders[] = { POLICY_DIR, VENDOR_DIR };

static void go_on(const struct image_tree *image, struct image_drop_in *drop_in, size_t folder)
{
	const char *name;

	do
		name = image_next(image, folders[folder], &drop_in->at[folder]);
	while (name && !is_policy_name(name));
	drop_in->names[folder] = name;
}

bool image_next_drop_in(const struct image_tree *image, struct image_drop_in *drop_in)
{
	const char **names = drop_in->names;
	const struct image_file *file;
	size_t first;
	int order;

	for (size_t i = 0; !drop_in->begun && i < ARRAY_SIZE(folders); i++)
		go_on(image, drop_in, i);
	drop_in->begun = true;
	if (!names[0] && !names[1])
		return false;
	order = !names[0] ? 1 : !names[1] ? -1 : strcmp(names[0], names[1]);
	first = order > 0;
	drop_in->name = names[first];
	drop_in->folder = folders[first];
	(void)join(drop_in->path, sizeof(drop_in->path), drop_in->folder, "/", drop_in->name);
	file = image_entry(image, drop_in->path);
	drop_in->off = file && S_ISLNK(file->mode) && file->link && is_null_link(file->link);
	if (order <= 0)
		go_on(image, drop_in, 0);
	if (order >= 0)
		go_on(image, drop_in, 1);
	return true;
}
