/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keyboards.h"

#include "lines.h"
#include "value.h"

#include <string.h>

#define INPUT_DEVICES "proc/bus/input/devices"

/* What is known of all keyboards so far. */
struct search {
	struct host_use *host;
	struct text sysfs; /* of the device being read, in sysfs_text */
	bool keyboard;     /* it is one */
	size_t controller; /* that has all of them, or NO_DEVICE */
	bool elsewhere;    /* one is on another controller, or on none */
	char sysfs_text[MACHINE_PATH_SIZE];
};

static bool is_usb(const struct inventory *inventory, size_t index)
{
	return index != NO_DEVICE && device_class16(&inventory->devices[index]) == CLASS_SERIAL_USB;
}

/* Judges the device that was read, at the blank line behind it. */
static void judge(struct search *search)
{
	size_t controller;

	/* A program's keyboard, made by uinput, needs no hardware. */
	if (!search->keyboard || strstr(search->sysfs_text, "/devices/virtual/"))
		return;
	controller = inventory_find_in_path(search->host->inventory, search->sysfs);
	if (!is_usb(search->host->inventory, controller) ||
	    (search->controller != NO_DEVICE && search->controller != controller))
		search->elsewhere = true;
	else
		search->controller = controller;
}

/*
 * A keyboard is what has all keys from Escape to D, which udev goes by too:
 * systemd/src/udev/udev-builtin-input_id.c:test_key. The bitmap ends with its lowest word.
 */
static bool is_keyboard(struct text bitmap)
{
	struct text word = { 0 };
	uint32_t keys; /* the lowest 32 */

	while (text_cut(&bitmap, ' ', &word))
		;
	return word.len >= 8 && text_hex((struct text){ word.at + word.len - 8, 8 }, 8, 8, &keys) &&
	       (keys | 1) == 0xffffffff;
}

/* linux/drivers/input/input.c:input_devices_seq_show */
static void read_line(struct search *search, struct text line)
{
	static const char sysfs[] = "S: Sysfs=", keys[] = "B: KEY=";
	const size_t sysfs_len = sizeof(sysfs) - 1, keys_len = sizeof(keys) - 1;

	if (!line.len) {
		judge(search);
		search->keyboard = false;
	} else if (line.len > sysfs_len && !memcmp(line.at, sysfs, sysfs_len)) {
		size_t len = line.len - sysfs_len;

		if (len >= sizeof(search->sysfs_text))
			len = sizeof(search->sysfs_text) - 1;
		memcpy(search->sysfs_text, line.at + sysfs_len, len);
		search->sysfs_text[len] = '\0';
		search->sysfs = (struct text){ search->sysfs_text, len };
	} else if (line.len > keys_len && !memcmp(line.at, keys, keys_len)) {
		search->keyboard =
			is_keyboard((struct text){ line.at + keys_len, line.len - keys_len });
	}
}

void keyboards_find(struct host_use *host)
{
	struct search search = { .host = host, .controller = NO_DEVICE };
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	struct lines lines;
	struct text line;
	ssize_t len;
	int err = lines_open(&lines, host->machine, INPUT_DEVICES);

	if (err)
		return;
	while (lines_next(&lines, &line, &err))
		read_line(&search, line);
	judge(&search);
	lines_close(&lines);
	if (search.controller == NO_DEVICE || search.elsewhere)
		return;
	(void)pci_path(path, host->inventory->devices[search.controller].address, "");
	path[strlen(path) - 1] = '\0';
	len = machine_readlink(host->machine, path, link, sizeof(link));
	host->why = FOR_KEYBOARD;
	if (len > 0)
		(void)host_use_mark(host, (struct text){ link, (size_t)len });
}
