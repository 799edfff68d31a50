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

/*
 * A line is "  START-END : NAME", indented by two for each range it lies in. The framebuffer
 * belongs to the innermost PCI device around it.
 */
void iomem_line(struct iomem *iomem, struct text line)
{
	struct address address;
	struct text name = line, range;
	unsigned indent = 0;
	size_t device = NO_DEVICE;

	while (indent < line.len && line.at[indent] == ' ')
		indent++;
	while (iomem->depth && iomem->ranges[iomem->depth - 1].indent >= indent)
		iomem->depth--;
	if (iomem->depth)
		device = iomem->ranges[iomem->depth - 1].device;
	name.at += indent;
	name.len -= indent;
	if (!text_cut(&name, ' ', &range) || name.len < 3)
		return;
	name.at += 2; /* ": " */
	name.len -= 2;
	if (address_parse(name, &address))
		device = inventory_find(iomem->inventory, address);
	else if (is_framebuffer(name) && device != NO_DEVICE)
		iomem->inventory->devices[device].framebuffer = true;
	if (iomem->depth < ARRAY_SIZE(iomem->ranges)) {
		iomem->ranges[iomem->depth].indent = indent;
		iomem->ranges[iomem->depth++].device = device;
	}
}

static int find_in_iomem(struct machine *machine, struct inventory *inventory)
{
	static struct lines lines;
	struct iomem iomem = { .inventory = inventory };
	struct text line;
	int err = lines_open(&lines, machine, "proc/iomem");

	if (err)
		return err == -ENOENT ? 0 : err;
	while (lines_next(&lines, &line, &err))
		iomem_line(&iomem, line);
	lines_close(&lines);
	return err;
}

static int find_by_parent(struct machine *machine, struct inventory *inventory, const char *name)
{
	char path[MACHINE_PATH_SIZE], link[MACHINE_PATH_SIZE];
	size_t device;
	ssize_t len;

	(void)join(path, sizeof(path), PLATFORM_DEVICES, name, "");
	len = machine_readlink(machine, path, link, sizeof(link));
	if (len < 0)
		return len == -ENOENT ? 0 : (int)len;
	device = inventory_find_in_path(inventory, (struct text){ link, (size_t)len });
	if (device != NO_DEVICE)
		inventory->devices[device].framebuffer = true;
	return 0;
}

int framebuffer_find(struct machine *machine, struct inventory *inventory)
{
	int err = find_in_iomem(machine, inventory);

	for (size_t i = 0; !err && i < ARRAY_SIZE(platform_names); i++)
		err = find_by_parent(machine, inventory, platform_names[i]);
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
