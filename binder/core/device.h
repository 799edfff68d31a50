/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was seen of the machine, as plain data. binder/scan.c and binder/facts.c fill it from
 * sysfs, cli/host/machine_file.c from a file; the core only reads it.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include "address.h"

#include <stddef.h>

#define DEVICE_MAX     16384
#define SLOT_MAX       1024
#define SLOT_NAME_SIZE 64
#define NO_DEVICE      UINT16_MAX

/* linux/pci_ids.h; a class is base class, subclass and programming interface. */
#define CLASS_BASE_STORAGE     0x01
#define CLASS_BASE_NETWORK     0x02
#define CLASS_BASE_DISPLAY     0x03
#define CLASS_BASE_ACCELERATOR 0x12
#define CLASS_DISPLAY_VGA      0x0300
#define CLASS_DISPLAY_3D       0x0302
#define CLASS_AUDIO_HDA        0x0403
#define CLASS_SERIAL_USB       0x0c03
#define CLASS_SERIAL_OTHER     0x0c80
#define CLASS_USB4             0x0c0340

/*
 * Facts that cost a look of their own. They are read only where a rule or a guard asks, so
 * each has a bit in device.known: without it the field below means nothing.
 */
enum fact {
	FACT_BOOT_VGA = 1 << 0,
	FACT_DSN = 1 << 1,
	FACT_GROUP = 1 << 2,
	FACT_HEADER = 1 << 3,
	FACT_DISKS = 1 << 4,
	FACT_DRM = 1 << 5,
	/* Facts of the whole machine, kept in inventory.known. */
	FACT_FRAMEBUFFER = 1 << 6,
	FACT_SLOTS = 1 << 7,
	/* Of a device again. */
	FACT_PHYSFN = 1 << 8,
	FACT_VFS = 1 << 9,
	FACT_SRIOV = 1 << 12,
	/* Read of every device, so never asked for: only in device.unreadable. */
	FACT_PLACE = 1 << 10,
	FACT_IDENTITY = 1 << 11, /* class and ids */
};

/* All that can be asked for. */
#define DEVICE_FACTS                                                                               \
	(FACT_BOOT_VGA | FACT_DSN | FACT_GROUP | FACT_HEADER | FACT_DISKS | FACT_DRM |             \
	 FACT_PHYSFN | FACT_VFS | FACT_SRIOV)
#define MACHINE_FACTS (FACT_FRAMEBUFFER | FACT_SLOTS)

#define VF_NONE          UINT16_MAX
#define GROUP_NONE       (-1)
#define BOOT_VGA_NO_FILE (-1)
#define DRIVER_SIZE      40 /* longer names are cut: they are shown, never compared */

struct device {
	struct address address;
	struct address root;  /* of the last root bus above it; only domain and bus count */
	struct address below; /* below_function: that function */
	uint64_t dsn;         /* FACT_DSN: Device Serial Number, 0 for none; PCIe 7.9.3 */
	uint32_t class;
	int32_t group;  /* FACT_GROUP: IOMMU group, or GROUP_NONE */
	uint16_t above; /* index of the bridge above, NO_DEVICE on a root bus */
	uint16_t vendor, device, subvendor, subdevice;
	uint16_t known;      /* bits of enum fact */
	uint16_t unreadable; /* bits of those that could not be read, though it is there */
	uint16_t physfn;     /* is_virtual: index of its physical function, or NO_DEVICE */
	uint16_t vf;         /* is_virtual: N of the virtfnN that it is, or VF_NONE */
	uint16_t total_vfs;  /* FACT_SRIOV: virtual functions that it can have */
	uint16_t vf_device;  /* total_vfs: their device id; the vendor is its own, PCIe 9.3.3.11 */
	int8_t boot_vga;     /* FACT_BOOT_VGA: 0, 1 or BOOT_VGA_NO_FILE */
	uint8_t header_type; /* FACT_HEADER: config space byte 0eh without the multifunction bit */
	bool below_function; /* its root bus hangs below a PCI function, as VMD's does */
	bool disk_in_use;    /* FACT_DISKS: a disk below it is claimed, or could not be asked */
	bool boot_display;   /* FACT_DRM: a boot_display of 1 below its DRM driver */
	bool framebuffer;    /* FACT_FRAMEBUFFER: the firmware's framebuffer lies in it */
	bool passthrough;    /* its driver hands it to a guest: driver_is_passthrough() */
	bool is_virtual;     /* FACT_PHYSFN: a virtual function, PCIe 9.3 */
	bool has_vfs;        /* FACT_VFS: a physical function that has virtual ones now */
	char driver[DRIVER_SIZE]; /* empty without one */
};

/* A name in /sys/bus/pci/slots. */
struct slot {
	char name[SLOT_NAME_SIZE];
	struct address address; /* the function does not count */
	bool whole_bus;         /* address named no device: DDDD:BB */
};

struct inventory {
	struct device devices[DEVICE_MAX]; /* in address order */
	size_t count;
	struct slot slots[SLOT_MAX]; /* FACT_SLOTS */
	size_t slot_count;
	bool slots_left_out; /* there are more: slot= does not know them */
	unsigned known;
};

_Static_assert(sizeof(struct inventory) < 2 << 20, "the tables have to fit early memory");

/* True for vfio-pci, a vfio variant driver and pci-stub. */
bool driver_is_passthrough(struct text name);

/* True if it is one of these that driver= may name. */
bool driver_is_choice(struct text name);

/* True for what with=group leaves out and no rule can bind: a bridge of the host. */
bool device_is_bridge(const struct device *device);

static inline bool device_has_base_class(const struct device *device, unsigned base)
{
	return device->class >> 16 == base;
}

/* Base class and subclass: 0300 and the like. */
static inline unsigned device_class16(const struct device *device)
{
	return device->class >> 8;
}

/* The device at address, or NO_DEVICE. */
size_t inventory_find(const struct inventory *inventory, struct address address);

/* The last PCI function in a sysfs path, or NO_DEVICE. */
size_t inventory_find_in_path(const struct inventory *inventory, struct text path);

/*
 * Looks up the bridge above each device, which parents[] names (all ones: on a root bus), and
 * the root bus of those that are on none. A device whose bridge is gone is on no root bus any
 * path names.
 */
void inventory_link(struct inventory *inventory, const uint64_t *parents);

/* True if the device at index lies anywhere below the one at bridge. */
bool inventory_is_below(const struct inventory *inventory, size_t index, size_t bridge);

/* The physical slot a device is in, or NULL. */
const struct slot *inventory_slot(const struct inventory *inventory, const struct device *device);

/* The slot of that name, or NULL. */
const struct slot *inventory_slot_named(const struct inventory *inventory, struct text name);
bool slot_holds(const struct slot *slot, const struct device *device);

/* True if the device is in the slot, or below a bridge that is: a card may have its own switch. */
bool inventory_is_in_slot(const struct inventory *inventory, size_t index, const struct slot *slot);

#endif
