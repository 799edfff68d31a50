/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/printable.h"
#include "machine_file.h"
#include "modplan.h"
#include "protect.h"
#include "value.h"

#include <errno.h>
#include <string.h>

static const char *address_of(struct address address, char out[ADDRESS_SIZE])
{
	(void)address_format(address, out);
	return out;
}

/* What a terminal would obey, and whoever reads the file refuses, becomes "?"; kept does not. */
static void write_text(const char *text, char kept, FILE *out)
{
	for (; *text; text++)
		(void)fputc(is_control(*text) && *text != kept ? '?' : *text, out);
}

/* The serial number as text, or nothing where there is none. */
static const char *dsn_of(uint64_t dsn, char out[DSN_SIZE])
{
	dsn_format(dsn, out);
	return dsn ? out : "";
}

/* Without its number where the physical function does not list it, and "-" where that is gone. */
static void write_physfn(const struct inventory *inventory, const struct device *device,
			 const char *name, FILE *out)
{
	char physfn[ADDRESS_SIZE];

	(void)fprintf(out, "#physfn %s ", name);
	if (device->physfn != NO_DEVICE)
		(void)fprintf(out, "%s ",
			      address_of(inventory->devices[device->physfn].address, physfn));
	if (device->physfn == NO_DEVICE || device->vf == VF_NONE)
		(void)fputs("-\n", out);
	else
		(void)fprintf(out, "%u\n", device->vf);
}

static void write_device_keys(const struct inventory *inventory, FILE *out)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];
		char name[ADDRESS_SIZE];

		(void)address_of(device->address, name);
		if (device->framebuffer)
			(void)fprintf(out, "#framebuffer %s\n", name);
		if ((device->known & FACT_DRM) && device->boot_display)
			(void)fprintf(out, "#boot-display %s\n", name);
		if ((device->known & FACT_HEADER) && device->header_type == 1 &&
		    device_class16(device) != 0x0604)
			(void)fprintf(out, "#header-type %s 1\n", name);
		if (device->is_virtual)
			write_physfn(inventory, device, name, out);
		if (device->total_vfs)
			(void)fprintf(out, "#sriov %s %u %04x\n", name, device->total_vfs,
				      device->vf_device);
		if (device->unreadable)
			(void)fprintf(out, "#unreadable %s\n", name);
		if ((device->known & FACT_DISKS) && device->disk_in_use)
			(void)fprintf(out, "#disk-in-use %s disk\n", name);
	}
}

/* Slots that no row can carry: empty ones, and those that are a whole bus. */
static void write_slots(const struct inventory *inventory, FILE *out)
{
	for (size_t i = 0; i < inventory->slot_count; i++) {
		const struct slot *slot = &inventory->slots[i];
		bool in_row = false;

		for (size_t j = 0; j < inventory->count; j++)
			in_row |= inventory_slot(inventory, &inventory->devices[j]) == slot &&
				  !slot->whole_bus;
		if (in_row)
			continue;
		(void)fputs("#slot ", out);
		write_text(slot->name, ' ', out);
		(void)fprintf(out, " %04x:%02x", slot->address.domain, slot->address.bus);
		if (!slot->whole_bus)
			(void)fprintf(out, ":%02x", slot->address.devfn >> 3);
		(void)fputc('\n', out);
	}
}

static void write_protect(const struct host *host, FILE *out)
{
	const struct protect *protect = &host->judged.protect;

	if (protect->unknown)
		(void)fputs("#protect unknown\n", out);
	else if (!protect->count) /* it is known that there is nothing */
		(void)fputs("#protect\n", out);
	for (size_t i = 0; i < protect->count; i++) {
		const struct protect_line *line = &protect->lines[i];
		char dsn[DSN_SIZE];

		(void)fprintf(out, "#protect %s path=%.*s id=%04x:%04x%s%s\n", use_name(line->use),
			      (int)line->path.len, line->path.at, line->vendor, line->device,
			      line->dsn ? " dsn=" : "", dsn_of(line->dsn, dsn));
	}
}

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static void write_row(const struct host *host, size_t index, FILE *out)
{
	const struct inventory *inventory = &host->judged.inventory;
	const struct device *device = &inventory->devices[index];
	const struct slot *slot = inventory_slot(inventory, device);
	char name[ADDRESS_SIZE], above[ADDRESS_SIZE] = "", dsn[DSN_SIZE];
	char subsystem[10] = "", revision[3] = "", group[12] = "";

	if (device->above != NO_DEVICE)
		(void)address_of(inventory->devices[device->above].address, above);
	else if (device->root.domain == UINT32_MAX && device->root.bus == UINT8_MAX)
		strcpy(above, BRIDGE_GONE);
	if (device->subvendor || device->subdevice)
		(void)snprintf(subsystem, sizeof(subsystem), "%04x:%04x", device->subvendor,
			       device->subdevice);
	if (host->revisions[index] >= 0)
		(void)snprintf(revision, sizeof(revision), "%02x",
			       (unsigned)host->revisions[index] & 0xff);
	if (device->group != GROUP_NONE)
		(void)snprintf(group, sizeof(group), "%d", device->group);
	(void)fprintf(out, "%s\t%06x\t%04x:%04x\t%s\t%s\t%s\t%s\t%s\t%s\t",
		      address_of(device->address, name), device->class, device->vendor,
		      device->device, or_dash(subsystem), or_dash(revision),
		      or_dash(host->drivers[index]), or_dash(group), or_dash(above),
		      or_dash(dsn_of(device->dsn, dsn)));
	write_text(slot && !slot->whole_bus ? slot->name : "-", ' ', out);
	(void)fprintf(out, "\t%s\n",
		      device->boot_vga == BOOT_VGA_NO_FILE ? "-" :
		      device->boot_vga                     ? "1" :
							     "0");
}

int machinefile_write(const struct host *host, FILE *out)
{
	const struct inventory *inventory = &host->judged.inventory;
	struct text steps = host->judged.steps;
	const struct device *last = NULL;
	struct module_step step;

	if (host->kernel[0])
		(void)fprintf(out, "#kernel %s\n", host->kernel);
	if (host->judged.cmdline[0]) {
		(void)fputs("#cmdline ", out);
		write_text(host->judged.cmdline, '\t', out);
		(void)fputc('\n', out);
	}
	for (size_t i = 0; i < host->builtin_count; i++)
		(void)fprintf(out, "#builtin %s\n", host->builtin[i]);
	/* That vfio-pci matches everything is no news. */
	while (modplan_next(&steps, &step) > 0)
		if (step.variant && !text_is(step.file, DRIVER_DEFAULT))
			(void)fprintf(out, "#variant %.*s %.*s\n", (int)step.file.len, step.file.at,
				      (int)step.options.len, step.options.at);
	/* Each root bus that hangs below a function, once, with that function. */
	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];
		char name[ADDRESS_SIZE];

		if (!device->below_function || device->root.domain == UINT32_MAX ||
		    (last && last->root.domain == device->root.domain &&
		     last->root.bus == device->root.bus))
			continue;
		last = device;
		(void)fprintf(out, "#below %04x:%02x %s\n", device->root.domain, device->root.bus,
			      address_of(device->below, name));
	}
	write_device_keys(inventory, out);
	write_slots(inventory, out);
	write_protect(host, out);
	(void)fputs("# columns: bdf\tclass\tvendor:device\tsubvendor:subdevice\trev\tdriver\t"
		    "iommu_group\tparent\tdsn\tslot\tboot_vga\n",
		    out);
	for (size_t i = 0; i < inventory->count; i++)
		write_row(host, i, out);
	return fflush(out) || ferror(out) ? -errno : 0;
}
