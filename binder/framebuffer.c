/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "framebuffer.h"

#include "lines.h"

#include <errno.h>

#define PLATFORM_DEVICES "sys/bus/platform/devices/"

/* What the drivers of it call the firmware's framebuffer: linux/drivers/video/fbdev, firmware */
static const char *const iomem_names[] = { "efifb", "vesafb", "simplefb", "BOOTFB" };

/* The platform devices of linux/drivers/firmware/sysfb.c, children of the GPU since 6.9. */
static const char *const platform_names[] = {
	"efi-framebuffer.0",
	"vesa-framebuffer.0",
	"simple-framebuffer.0",
	"platform-framebuffer.0",
};

static bool is_framebuffer(struct text name)
{
	for (size_t i = 0; i < ARRAY_SIZE(iomem_names); i++)
		if (text_is(name, iomem_names[i]))
			return true;
	return false;
}

/* Sixteen hex digits at most. */
static bool take_address(struct text *rest, uint64_t *value)
{
	uint32_t high, low;
	struct text digits = *rest;
	size_t len = 0;

	while (len < rest->len && hex_values[(unsigned char)rest->at[len]] >= 0)
		len++;
	if (!len || len > 16)
		return false;
	digits.len = len;
	*value = 0;
	if (len > 8) {
		(void)take_hex(&digits, len - 8, &high);
		*value = (uint64_t)high << 32;
	}
	(void)take_hex(&digits, 8, &low);
	*value |= low;
	rest->at += len;
	rest->len -= len;
	return true;
}

static bool lies_in(const struct iomem_range *inner, const struct iomem_range *outer)
{
	return inner->start >= outer->start && inner->end <= outer->end;
}

/*
 * A line is "  START-END : NAME". A range lies in those before it that it is not behind the end
 * of; the framebuffer belongs to the innermost PCI device around it. Indentation says nothing:
 * lines are indented by five levels at most, eight since Linux 7.0, and a card behind some
 * switches has more above it (linux/kernel/resource.c, MAX_IORES_LEVEL). Whoever may not see
 * addresses reads zeros: then nothing is known.
 */
void iomem_line(struct iomem *iomem, struct text line)
{
	struct iomem_range range = { .device = NO_DEVICE };
	struct address address;

	while (take_byte(&line, ' '))
		;
	if (!take_address(&line, &range.start) || !take_byte(&line, '-') ||
	    !take_address(&line, &range.end) || !range.end || line.len < 3)
		return;
	line.at += 3; /* " : " */
	line.len -= 3;
	while (iomem->depth && !lies_in(&range, &iomem->around[iomem->depth - 1]))
		iomem->depth--;
	if (address_parse(line, &address))
		range.device = inventory_find(iomem->inventory, address);
	if (range.device != NO_DEVICE) {
		/* One as large as its device is inserted around it: linux/kernel/resource.c, insert. */
		if (iomem->framebuffer.end && lies_in(&range, &iomem->framebuffer))
			iomem->inventory->devices[range.device].framebuffer = true;
		if (iomem->depth < ARRAY_SIZE(iomem->around))
			iomem->around[iomem->depth++] = range;
	}
	if (!is_framebuffer(line))
		return;
	iomem->framebuffer = range;
	if (iomem->depth)
		iomem->inventory->devices[iomem->around[iomem->depth - 1].device].framebuffer =
			true;
}

int framebuffer_find(struct machine *machine, struct inventory *inventory)
{
	static struct lines lines;
	struct iomem iomem = { .inventory = inventory };
	struct text line;
	int err = lines_open(&lines, machine, "proc/iomem");

	if (!err) {
		while (lines_next(&lines, &line, &err))
			iomem_line(&iomem, line);
		lines_close(&lines);
	} else if (err == -ENOENT) {
		err = 0;
	}
	for (size_t i = 0; !err && i < ARRAY_SIZE(platform_names); i++) {
		char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
		size_t device = NO_DEVICE;
		ssize_t len;

		(void)join(path, sizeof(path), PLATFORM_DEVICES, platform_names[i], "");
		len = machine_readlink(machine, path, link, sizeof(link));
		if (len >= 0)
			device = inventory_find_in_path(inventory, text_of(link));
		else if (len != -ENOENT)
			err = (int)len;
		if (device != NO_DEVICE)
			inventory->devices[device].framebuffer = true;
	}
	return err;
}

int framebuffer_release(struct machine *machine)
{
	char path[MACHINE_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(platform_names); i++) {
		int err;

		(void)join(path, sizeof(path), PLATFORM_DEVICES, platform_names[i],
			   "/driver/unbind");
		if (!machine_has(machine, path))
			continue;
		err = machine_write(machine, path, platform_names[i]);
		if (err)
			return err;
	}
	return 0;
}
