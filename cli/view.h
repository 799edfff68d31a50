/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that list, status and graph show of a machine, and each device of it as one JSON object. */
#ifndef VIEW_H
#define VIEW_H

#include "diskinfo.h"
#include "host.h"
#include "hostnotes.h"
#include "images.h"
#include "json.h"
#include "lastboot.h"
#include "twins.h"

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
