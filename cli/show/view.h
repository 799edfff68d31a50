/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that list, status and graph show of a machine, and each device of it as one JSON object. */
#ifndef VIEW_H
#define VIEW_H

#include "base/json.h"
#include "host/disk_info.h"
#include "host/host.h"
#include "host/last_boot.h"
#include "host/twins.h"
#include "host_notes.h"
#include "image/images.h"

struct view {
	struct host *host;
	struct last_boot last;
	struct host_notes notes;
	struct disk_list disks;
	struct twins twins;
	struct images images;
};

/*
 * Looks at the machine, judged as the next boot will. Returns NULL with *code set to an exit
 * code if it cannot be read. There is one at a time; free it with view_free().
 */
struct view *view_read(const struct options *options, int *code);
void view_free(struct view *view);

/* The device at index as the schema has it: doc/vfio-bind.schema.json. */
struct json_object *view_device(struct view *view, size_t index);

#endif
