/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The selectors by which a rule finds a device again, and the words by which a person knows it. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "base/names.h"
#include "host.h"
#include "path.h"

#define CLASS_NVME 0x010802

#define IDENTITY_SIZE (PATH_SIZE + 96)
#define TITLE_SIZE    (NAME_TEXT_SIZE + 96)

/*
 * Writes the most stable selectors the device has: its serial number if nobody else has it, else
 * its place, always with its id. All facts have been read. Returns out.
 */
const char *identity_format(const struct host *host, size_t index, char out[IDENTITY_SIZE]);

/* Writes its name, the model and serial of its disk, its address, on one line. Returns out. */
const char *identity_title(struct host *host, size_t index, char out[TITLE_SIZE]);

/* Writes what goes along with the bound device: ", with audio 0000:41:00.1". Returns out. */
const char *identity_companions(const struct host *host, size_t index, char out[TITLE_SIZE]);

/* The next device of that id but another address, at or after start, or NO_DEVICE. */
size_t identity_twin(const struct host *host, size_t index, size_t start);

#endif
