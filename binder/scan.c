/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <errno.h>
#include <string.h>

#define NO_PARENT UINT64_MAX
/* No bridge has it: ffffffff:ff:1f.7. */
#define BRIDGE_UNKNOWN (UINT64_MAX >> 16)

/* A uevent is at most UEVENT_BUFFER_SIZE, 2048, bytes: linux/include/linux/kobject.h. */
#define UEVENT_SIZE 4096

/* Of one bus walk: addresses as sortable keys, and the bridge above each device. */
static uint64_t keys[DEVICE_MAX], parents[DEVICE_MAX];

/* Takes "KEY=" off the front. */
#define TAKE(rest, key)                                                                            \
	((rest)->len >= sizeof(key) - 1 && !memcmp((rest)->at, key, sizeof(key) - 1) &&            \
	 ((rest)->at += sizeof(key) - 1, (rest)->len -= sizeof(key) - 1, true))

/* VVVV:DDDD, which the kernel always writes in full. */
static bool take_id(struct text *rest, uint16_t *vendor, uint16_t *device)
{
	int a, b;

	if (rest->len < 9 || rest->at[4] != ':')
		return false;
	a = hex4(rest->at);
	b = hex4(rest->at + 5);
	*vendor = (uint16_t)a;
	*device = (uint16_t)b;
	rest->at += 9;
	rest->len -= 9;
	return a >= 0 && b >= 0;
}

static bool take_driver(struct text rest, struct device *device)
{
	struct text name;

	if (!text_cut(&rest, '\n', &name) || memchr(name.at, '\0', name.len))
		return false;
	memcpy(device->driver, name.at, name.len < DRIVER_SIZE ? name.len : DRIVER_SIZE - 1);
	device->passthrough = driver_is_passthrough(name);
	return true;
}

/*
 * This and the link are read of every function there is, so they are gone through once, and
 * no further than what is asked of them.
 */
bool scan_parse_uevent(struct text rest, struct device *device)
{
	bool has_id = false, has_class = false, ok = rest.len && rest.at[0];

	while (ok && rest.len) {
		if (TAKE(&rest, "PCI_CLASS="))
			ok = has_class = take_hex(&rest, 6, &device->class);
		else if (TAKE(&rest, "PCI_ID="))
			ok = has_id = take_id(&rest, &device->vendor, &device->device);
		else if (TAKE(&rest, "PCI_SUBSYS_ID="))
			return take_id(&rest, &device->subvendor, &device->subdevice) && has_id &&
			       has_class;
		else if (TAKE(&rest, "DRIVER="))
			ok = take_driver(rest, device);
		while (rest.len && *rest.at != '\n') {
			rest.at++;
			rest.len--;
		}
		(void)take_byte(&rest, '\n');
	}
	return ok && has_id && has_class;
}

/* Takes the last name off a path. */
static struct text take_last(struct text *path)
{
	const char *start = path->at + path->len, *end = start;

	while (start > path->at && start[-1] != '/')
		start--;
	path->len = start > path->at ? (size_t)(start - path->at) - 1 : 0;
	return (struct text){ start, (size_t)(end - start) };
}

/* pciDDDD:BB, the directory of a root bus: linux/drivers/pci/probe.c:pci_register_host_bridge */
static bool is_root(struct text name, struct address *root)
{
	return name.len > 3 && !memcmp(name.at, "pci", 3) &&
	       address_parse_bus((struct text){ name.at + 3, name.len - 3 }, &root->domain,
				 &root->bus);
}

bool scan_parse_link(struct text link, size_t name_len, struct device *device, uint64_t *parent)
{
	struct address bridge;
	struct text name;

	/* The last name is the device's own. */
	if (link.len < name_len + 1 || link.at[link.len - name_len - 1] != '/')
		return false;
	link.len -= name_len + 1;
	name = take_last(&link);
	if (address_parse(name, &bridge)) {
		*parent = address_key(bridge);
		return true;
	}
	*parent = NO_PARENT;
	if (!is_root(name, &device->root))
		return false;
	device->below_function = address_parse(take_last(&link), &device->below);
	return true;
}

static int list_devices(struct machine *machine, size_t *count)
{
	static struct dir dir;
	struct address address;
	const char *name;
	int err = dir_open(machine, PCI_DEVICES, &dir);

	*count = 0;
	if (err)
		return err;
	while ((name = dir_next(&dir, &err))) {
		if (!address_parse((struct text){ name, dir.name_len }, &address))
			continue;
		if (*count == DEVICE_MAX) {
			err = -E2BIG;
			break;
		}
		keys[(*count)++] = address_key(address);
	}
	dir_close(&dir);
	return err;
}

/* One pass of the sort: by the byte at shift. */
static void sort_by_byte(const uint64_t *from, uint64_t *to, size_t count, int shift)
{
	size_t starts[257] = { 0 };

	for (size_t i = 0; i < count; i++)
		starts[(from[i] >> shift & 0xff) + 1]++;
	for (int byte = 0; byte < 256; byte++)
		starts[byte + 1] += starts[byte];
	for (size_t i = 0; i < count; i++)
		to[starts[from[i] >> shift & 0xff]++] = from[i];
}

/*
 * Sorts the keys, a byte at a time from the lowest: the kernel lists names by their hash.
 * parents[] is not needed yet and serves as the other half.
 */
static void sort_keys(size_t count)
{
	uint64_t *from = keys, *to = parents, differ = 0;

	for (size_t i = 1; i < count; i++)
		differ |= keys[i] ^ keys[0];
	for (int shift = 0; shift < 48; shift += 8) {
		uint64_t *swap = from;

		if (!(differ >> shift & 0xff)) /* as the domain's are on most machines */
			continue;
		sort_by_byte(from, to, count, shift);
		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, count * sizeof(*keys));
}

/* Where the device read last is: its link, with "/uevent" behind it. */
static struct {
	char path[MACHINE_PATH_SIZE + sizeof("/uevent")];
	size_t dir_len; /* up to the device's own name */
} place;

/* Puts the place of the device of this name, which has name_len bytes, beside the last one's. */
static void place_beside(const char *name, size_t name_len)
{
	memcpy(place.path + place.dir_len, name, name_len);
	memcpy(place.path + place.dir_len + name_len, "/uevent", sizeof("/uevent"));
}

static int read_uevent(struct machine *machine, const char *path, struct device *device)
{
	static char uevent[UEVENT_SIZE];
	ssize_t len;

	uevent[0] = '\0'; /* a read that lied about its length must find nothing */
	len = machine_read_uevent(machine, path, place.path, uevent, sizeof(uevent));
	if (len < 0)
		return (int)len;
	return scan_parse_uevent((struct text){ uevent, (size_t)len }, device) ?
		       0 :
		       machine_blame(machine, path, -EIO);
}

/* Reads the link, which says what is above the device. */
static int read_link(struct machine *machine, const char *path, size_t name_len,
		     struct device *device, uint64_t *parent)
{
	ssize_t len = machine_readlink_pci(machine, path, place.path, MACHINE_PATH_SIZE);

	if (len < 0)
		return (int)len;
	if (!scan_parse_link((struct text){ place.path, (size_t)len }, name_len, device, parent))
		return machine_blame(machine, path, -EIO);
	place.dir_len = (size_t)len - name_len;
	return 0;
}

/*
 * The functions of a bus are beside each other in sysfs, virtual ones too: linux/drivers/pci/
 * probe.c:pci_setup_device, iov.c:pci_iov_add_virtfn. So the link of the first tells of all, and
 * a uevent that is there proves it. Returns false where nothing is proven.
 */
static bool read_beside(struct machine *machine, const char *path, struct device *device,
			uint64_t *parent)
{
	const struct device *before = device - 1;

	if (before->address.domain != device->address.domain ||
	    before->address.bus != device->address.bus || machine->confined ||
	    read_uevent(machine, path, device))
		return false;
	device->root = before->root;
	device->below = before->below;
	device->below_function = before->below_function;
	*parent = parent[-1];
	return true;
}

/*
 * Reads the device behind the last one of the inventory. Returns 1 if it vanished since it was
 * listed, as by hot-unplug. What is there and cannot be read is unreadable: no other suffers.
 */
static int read_device(struct machine *machine, struct inventory *inventory)
{
	struct device *device = &inventory->devices[inventory->count];
	uint64_t *parent = &parents[inventory->count];
	static char path[sizeof(PCI_DEVICES) + ADDRESS_SIZE + sizeof("/uevent")] = PCI_DEVICES "/";
	char *name = path + sizeof(PCI_DEVICES), *end;
	size_t name_len = address_format(device->address, name);
	int err;

	end = name + name_len;
	memcpy(end, "/uevent", sizeof("/uevent"));
	place_beside(name, name_len);
	if (inventory->count && read_beside(machine, path, device, parent))
		return 0;
	*end = '\0';
	err = read_link(machine, path, name_len, device, parent);
	if (err) {
		*parent = BRIDGE_UNKNOWN;
		device->unreadable = FACT_PLACE;
	} else {
		place_beside(name, name_len);
		*end = '/';
		err = read_uevent(machine, path, device);
	}
	if (!err)
		return 0;
	/* Gone only if it is said twice: one that is lost by mistake loses its keep rule too. */
	if ((err == -ENOENT || err == -ENODEV) && !machine_has(machine, path))
		return 1;
	device->unreadable |= FACT_IDENTITY;
	device->class = 0;
	return 0;
}

int scan(struct machine *machine, struct inventory *inventory)
{
	size_t listed;
	int err = list_devices(machine, &listed);

	if (err)
		return err;
	sort_keys(listed);
	inventory->count = 0;
	for (size_t i = 0; i < listed; i++) {
		struct device *device = &inventory->devices[inventory->count];

		device->address = address_of_key(keys[i]);
		err = read_device(machine, inventory);
		if (err < 0)
			return err;
		if (err)
			*device = (struct device){ 0 };
		else
			inventory->count++;
	}
	inventory_link(inventory, parents);
	return 0;
}
