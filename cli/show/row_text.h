/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The row of a device in words. */
#ifndef ROW_TEXT_H
#define ROW_TEXT_H

#include "base/names.h"
#include "device_row.h"

#define ROW_TEXT_SIZE 512

/* The frozen word for a state, and the colour of its line in a table: "" for none. */
const char *state_name(enum device_state state);
const char *state_colour(enum device_state state);

/* What status calls it: "as configured", "kept", ... */
const char *status_name(const struct device_row *row);

/* Each writes its text, which may be empty, and returns out. */

/* What people call the device: model and serial number of its disk, or what pci.ids says. */
const char *name_text(const struct device_row *row, char out[NAME_TEXT_SIZE]);

/* Its physical slot, by the name that the firmware gives it. */
const char *slot_text(const struct device_row *row, char out[SLOT_NAME_SIZE]);

/* Its use for the host, where it stands, what goes along, which twin it is: for list. */
const char *note_text(const struct device_row *row, char out[ROW_TEXT_SIZE]);

/* The rule, what became of it, what it goes along with: for status. */
const char *detail_text(const struct device_row *row, char out[ROW_TEXT_SIZE]);

/* What to do where a guard refuses a device. */
const char *guard_remedy(enum reason guard);

#endif
