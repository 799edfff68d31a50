/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine file: what is wrong is told by its place and nothing else, and what was read is
 * written so that it reads the same. Text of lspci or udevadm becomes a machine file that is right.
 */
#include "complain.h"
#include "host/pasted.h"

#include <stdlib.h>

#define WRITTEN_MAX (1 << 20)

static struct host first, second;

/* "FILE:LINE:COLUMN: expected ...", a place that is in the text. */
static void check_complaint(struct text input)
{
	struct text line = { 0 };
	unsigned number = 0, column = 0;
	int end = 0;

	MUST(complaints == 1);
	MUST(sscanf(complaint, "FILE:%u:%u: expected %n", &number, &column, &end) == 2);
	MUST(end && complaint[end] && !strchr(complaint, '\n'));
	MUST(number && column);
	while (number--)
		MUST(text_cut(&input, '\n', &line));
	MUST(column <= line.len + 1);
}

static void check_device(const struct device *a, const struct device *b)
{
	MUST(address_equal(a->address, b->address) && a->class == b->class);
	MUST(a->vendor == b->vendor && a->device == b->device);
	MUST(a->subvendor == b->subvendor && a->subdevice == b->subdevice);
	MUST(a->group == b->group && a->above == b->above && a->dsn == b->dsn);
	MUST(a->root.domain == b->root.domain && a->root.bus == b->root.bus);
	MUST(a->boot_vga == b->boot_vga && a->known == b->known);
	MUST(device_is_bridge(a) == device_is_bridge(b) && a->disk_in_use == b->disk_in_use);
	MUST(a->boot_display == b->boot_display && a->framebuffer == b->framebuffer);
	MUST(a->below_function == b->below_function && address_equal(a->below, b->below));
	MUST(a->passthrough == b->passthrough && !strcmp(a->driver, b->driver));
}

static void check_slots(const struct inventory *a, const struct inventory *b)
{
	MUST(a->slot_count == b->slot_count);
	for (size_t i = 0; i < a->slot_count; i++) {
		const struct slot *slot = &a->slots[i];
		const struct slot *other = inventory_slot_named(b, text_of(slot->name));

		MUST(other && slot->whole_bus == other->whole_bus);
		MUST(address_same_slot(slot->address, other->address));
	}
}

/* All that a rule or a guard looks at. */
static void check_same(void)
{
	const struct inventory *a = &first.judged.inventory, *b = &second.judged.inventory;

	MUST(a->count == b->count && a->known == b->known);
	for (size_t i = 0; i < a->count; i++) {
		check_device(&a->devices[i], &b->devices[i]);
		MUST(first.revisions[i] == second.revisions[i]);
	}
	check_slots(a, b);
	MUST(!strcmp(first.kernel, second.kernel));
	MUST(!strcmp(first.judged.cmdline, second.judged.cmdline));
	MUST(first.builtin_count == second.builtin_count);
	MUST(!memcmp(first.builtin, second.builtin, sizeof(first.builtin)));
	MUST(first.judged.protect.count == second.judged.protect.count);
	MUST(first.judged.protect.unknown == second.judged.protect.unknown);
}

static struct text write_machine(const struct host *host, char *to)
{
	FILE *out = fmemopen(to, WRITTEN_MAX, "w");
	long len;

	MUST(!machinefile_write(host, out));
	len = ftell(out);
	fclose(out);
	MUST(len > 0 && len < WRITTEN_MAX - 1);
	return (struct text){ to, (size_t)len };
}

static void check_pasted(struct text input)
{
	struct text rows;
	char *text;
	int code;

	text = pasted_rows("FILE", input, &rows.len, &code);
	MUST(!text == !!code && complaints == (text == NULL));
	if (!text)
		return;
	rows.at = text;
	MUST(!pasted_is(rows));
	MUST(host_parse(&first, rows) == EXIT_AS_CONFIGURED && !complaints);
	free(text);
	warnings_forget(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char once[WRITTEN_MAX], twice[WRITTEN_MAX];
	struct text input = { (const char *)data, size }, written;

	complaints_clear();
	if (pasted_is(input)) {
		check_pasted(input);
		return 0;
	}
	if (host_parse(&first, input)) {
		check_complaint(input);
		return 0;
	}
	written = write_machine(&first, once);
	MUST(host_parse(&second, written) == EXIT_AS_CONFIGURED);
	MUST(!complaints);
	check_same();
	MUST(text_equal(write_machine(&second, twice), written));
	return 0;
}
