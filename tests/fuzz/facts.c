/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says of devices: uevent, link, config space, slots, serial numbers, iomem. */
#include "fuzz.h"

#include "facts.h"
#include "framebuffer.h"
#include "path.h"
#include "scan.h"

#include <string.h>

static struct inventory inventory;

static void check_uevent(struct text input)
{
	struct device device = { 0 };

	if (!scan_parse_uevent(input, &device))
		return;
	MUST(device.class <= 0xffffff);
	MUST(strnlen(device.driver, DRIVER_SIZE) < DRIVER_SIZE);
	MUST(!device.passthrough || device.driver[0]);
}

static void check_link(struct text input)
{
	struct device device = { 0 };
	const char *slash = memrchr(input.at, '/', input.len);
	size_t name_len = slash ? input.len - (size_t)(slash - input.at) - 1 : input.len;
	struct address name;
	uint64_t parent = 0;

	if (!scan_parse_link(input, name_len, &device, &parent))
		return;
	MUST(input.len > name_len);
	MUST(parent == UINT64_MAX || parent >> 48 == 0);
	(void)address_parse((struct text){ slash + 1, name_len }, &name);
}

/* An address is written as it was read. */
static void check_address(struct text input)
{
	char text[ADDRESS_SIZE];
	struct address address, again;

	if (!address_parse(input, &address))
		return;
	MUST(address_parse((struct text){ text, address_format(address, text) }, &again));
	MUST(address_equal(address, again));
	MUST(address_equal(address_of_key(address_key(address)), address));
}

static void check_slot(struct text input)
{
	struct slot slot = { .name = "1" };

	if (slot_parse_address(input, &slot))
		MUST(slot.whole_bus ? !slot.address.devfn : !(slot.address.devfn & 7));
}

/* Two screens: the framebuffer lies in one only where a line names both. */
static void check_iomem(struct text input)
{
	static struct iomem iomem;
	struct text whole = input, line;

	inventory.count = 2;
	inventory.known = 0;
	for (size_t i = 0; i < 2; i++)
		inventory.devices[i] = (struct device){
			.address = { 0, (uint8_t)(i + 1), 0 },
			.class = 0x030000,
		};
	iomem = (struct iomem){ .inventory = &inventory };
	while (text_cut(&input, '\n', &line)) {
		iomem_line(&iomem, line);
		MUST(iomem.depth <= ARRAY_SIZE(iomem.around));
	}
	for (size_t i = 0; i < 2; i++)
		MUST(!inventory.devices[i].framebuffer ||
		     memmem(whole.at, whole.len, i ? "02:00.0" : "01:00.0", 7));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text input = { (const char *)data, size };

	check_uevent(input);
	check_link(input);
	check_address(input);
	check_slot(input);
	check_iomem(input);
	(void)path_is_valid(input);
	(void)attribute_dsn(input);
	(void)config_dsn(data, size < 4096 ? size : 4096);
	return 0;
}
