/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What status says of the boot as a whole and of the images the next one may take. */
#ifndef STATUSBOOT_H
#define STATUSBOOT_H

#include "view.h"

/* The boot by its report. */
struct json_object *boot_object(const struct last_boot *last);

/* An image of each kernel that is installed. */
struct json_object *image_rows(const struct images *images);

/* Sentences for people; none where all is as it should be. */
struct json_object *boot_messages(const struct view *view, bool configured);

#endif
