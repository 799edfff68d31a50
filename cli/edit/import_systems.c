/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Systems that are all settings. TrueNAS: isolated_gpu_pci_ids of system.advanced.config, which
 * its initramfs has as pci_ids, and pptdev of vm.device.query. IncusOS: reference/system/kernel.
 * Talos: PCIDriverRebindConfig. And supergfxctl(1), whose daemon keeps a laptop's mode.
 */
#include "imports.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define UPPER_CASE "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define JSON_MAX   (256 * 1024)
#define DEPTH_MAX  16

#define SUPERGFXD    "etc/supergfxd.conf"
#define TRUENAS      "boot/initramfs_config.json"
#define TRUENAS_BASE "data/freenas-v1.db"
#define INCUSOS      "var/lib/incus-os/state.txt"
#define TALOS        "system/state/config.yaml"

/* A value of YAML or of IncusOS's state, with or without quotes. */
static struct text unquote(struct text value)
{
	while (value.len && strchr(" \t\"',", value.at[0]))
		value = (struct text){ value.at + 1, value.len - 1 };
	while (value.len && strchr(" \t\"',", value.at[value.len - 1]))
		value.len--;
	return value;
}

/* Copies a value that is to outlive its line. */
static void keep(char out[IMPORT_ITEM_SIZE], struct text value)
{
	value = unquote(value);
	(void)snprintf(out, IMPORT_ITEM_SIZE, "%.*s", (int)value.len, value.at);
}

/* Without the 0x that some write before it. */
static const char *bare_hex(const char *id)
{
	return !strncasecmp(id, "0x", 2) ? id + 2 : id;
}

/* One device of IncusOS's pci.passthrough. */
struct passthrough {
	struct imports *imports;
	char vendor[IMPORT_ITEM_SIZE], product[IMPORT_ITEM_SIZE], address[IMPORT_ITEM_SIZE];
	char place[CONF_PLACE_SIZE]; /* of its first line, or "" for none */
};

/* With an address it is this device, as long as it has the id; else it is all of the id. */
static void flush_passthrough(struct passthrough *device)
{
	char word[3 * IMPORT_ITEM_SIZE + 3], id[2 * IMPORT_ITEM_SIZE + 2];
	struct imports *imports = device->imports;

	if (!device->place[0])
		return;
	(void)snprintf(id, sizeof(id), "%s:%s", bare_hex(device->vendor),
		       bare_hex(device->product));
	(void)snprintf(word, sizeof(word), "%s%s%s", device->address, device->address[0] ? "+" : "",
		       id);
	if (!import_begin(imports, IMPORT_INCUSOS, device->place, text_of(word)))
		return;
	if (device->address[0])
		import_address(imports, text_of(word), text_of("vfio-pci"));
	else if (device->vendor[0] && device->product[0])
		import_ids(imports, text_of(id));
	else
		import_unread(imports, text_of(id), "wants a vendor_id and a product_id");
	*device = (struct passthrough){ .imports = imports };
}

/* The field that a key names, in the state's spelling or in that of the API. */
static char *find_field(struct passthrough *device, struct text key)
{
	static const char state[] = "PCI.Passthrough[";

	if (memchr(key.at, '[', key.len) && !memmem(key.at, key.len, state, sizeof(state) - 1))
		return NULL;
	if (text_is(key, "vendor_id") || text_ends(key, "].VendorID"))
		return device->vendor;
	if (text_is(key, "product_id") || text_ends(key, "].ProductID"))
		return device->product;
	if (text_is(key, "pci_address") || text_ends(key, "].PCIAddress"))
		return device->address;
	return NULL;
}

/*
 * System.Kernel.Config.PCI.Passthrough[0].VendorID: 10de, or as YAML "- vendor_id: 10de". A field
 * that is there already is the next device's.
 */
static bool take_incusos(void *context, const struct conf_line *line)
{
	struct passthrough *device = context;
	struct text rest = line->text, key;
	bool begins = false;
	char *field;

	while (rest.len && strchr(" \t-", rest.at[0])) {
		begins |= rest.at[0] == '-';
		rest = (struct text){ rest.at + 1, rest.len - 1 };
	}
	if (!text_cut(&rest, ':', &key) || !rest.at)
		return true;
	field = find_field(device, unquote(key));
	if (!field)
		return true;
	if (field[0] || begins)
		flush_passthrough(device);
	if (!device->place[0])
		conf_place(line, device->place);
	keep(field, rest);
	return true;
}

/* One document of Talos' machine configuration. */
struct rebind {
	struct imports *imports;
	bool is_rebind;
	char name[IMPORT_ITEM_SIZE], driver[IMPORT_ITEM_SIZE];
	char place[CONF_PLACE_SIZE]; /* of its kind */
};

/* Its documentation writes functions with two digits, "0000:04:00.00", its kernel with one. */
static void shorten_function(char name[IMPORT_ITEM_SIZE])
{
	char *dot = strchr(name, '.');

	if (dot && dot[1] == '0' && dot[2] && !dot[3])
		(void)memmove(dot + 1, dot + 2, 2);
}

static void flush_rebind(struct rebind *rebind)
{
	struct imports *imports = rebind->imports;
	struct text driver = text_of(rebind->driver);
	char text[2 * IMPORT_ITEM_SIZE + 32];

	(void)snprintf(text, sizeof(text), "name: %s targetDriver: %s", rebind->name,
		       rebind->driver);
	/* Another driver is one of the host's: no guest gets the device. */
	if (rebind->is_rebind && (!driver.len || driver_is_choice(driver)) &&
	    import_begin(imports, IMPORT_TALOS, rebind->place, text_of(text))) {
		shorten_function(rebind->name);
		if (driver.len && rebind->name[0])
			import_address(imports, text_of(rebind->name), driver);
		else
			import_unread(imports, text_of(text), "wants a name and a targetDriver");
	}
	*rebind = (struct rebind){ .imports = imports };
}

static bool take_talos(void *context, const struct conf_line *line)
{
	struct rebind *rebind = context;
	struct text value = line->text, key;

	if (text_is(line->text, "---")) {
		flush_rebind(rebind);
		return true;
	}
	if (!text_cut(&value, ':', &key) || !value.at)
		return true;
	if (text_is(key, "kind")) {
		rebind->is_rebind = text_is(unquote(value), "PCIDriverRebindConfig");
		conf_place(line, rebind->place);
	} else if (text_is(key, "name")) {
		keep(rebind->name, value);
	} else if (text_is(key, "targetDriver")) {
		keep(rebind->driver, value);
	}
	return true;
}

/* A file of JSON, and where in it. */
struct document {
	struct imports *imports;
	const char *path;
	struct text text;
};

static void place_at(const struct document *document, size_t offset, char out[CONF_PLACE_SIZE])
{
	struct conf_line line = { .path = document->path, .number = 1 };

	for (size_t i = 0; i < offset; i++)
		line.number += document->text.at[i] == '\n';
	conf_place(&line, out);
}

/* The line a word stands in: of a file that says it twice, the first. */
static void place_of(const struct document *document, const char *word, char out[CONF_PLACE_SIZE])
{
	const char *at = memmem(document->text.at, document->text.len, word, strlen(word));

	place_at(document, at ? (size_t)(at - document->text.at) : 0, out);
}

static bool begin_word(const struct document *document, enum import_source source, const char *word)
{
	char place[CONF_PLACE_SIZE];

	place_of(document, word, place);
	return import_begin(document->imports, source, place, text_of(word));
}

static void take_word(const struct document *document, enum import_source source,
		      struct json_object *value)
{
	const char *word = json_object_get_string(value);

	if (word && begin_word(document, source, word))
		import_address(document->imports, text_of(word), text_of("vfio-pci"));
}

/* pci_0000_05_00_0, as libvirt has it, is an address. */
static void take_pptdev(const struct document *document, struct json_object *value)
{
	static const char pci[] = "pci_";
	const char *word = json_object_get_string(value);
	char address[IMPORT_ITEM_SIZE];

	if (!word || !begin_word(document, IMPORT_TRUENAS, word))
		return;
	keep(address,
	     text_of(!strncmp(word, pci, sizeof(pci) - 1) ? word + sizeof(pci) - 1 : word));
	for (size_t i = 0, seen = 0; address[i]; i++)
		if (address[i] == '_')
			address[i] = seen++ < 2 ? ':' : '.';
	import_address(document->imports, text_of(address), text_of("vfio-pci"));
}

static void copy_member(struct json_object *object, const char *key, char out[IMPORT_ITEM_SIZE])
{
	struct json_object *value = json_object_object_get(object, key);

	if (value)
		keep(out, text_of(json_object_get_string(value)));
}

/* An IncusOS device as its API shows it. */
static void take_device(const struct document *document, struct json_object *object)
{
	struct passthrough device = { .imports = document->imports };

	copy_member(object, "vendor_id", device.vendor);
	copy_member(object, "product_id", device.product);
	copy_member(object, "pci_address", device.address);
	place_of(document, device.address[0] ? device.address : device.product, device.place);
	flush_passthrough(&device);
}

static void take_mode(const struct document *document, struct json_object *object)
{
	struct json_object *mode = json_object_object_get(object, "mode");

	char place[CONF_PLACE_SIZE];

	/* A card of NVIDIA's it writes to modprobe.d, others nowhere. */
	if (!mode || !json_object_object_get(object, "vfio_enable") ||
	    strcasecmp(json_object_get_string(mode), "vfio") != 0 ||
	    import_knows(document->imports, "/etc/modprobe.d/supergfxd.conf"))
		return;
	place_of(document, "\"mode\"", place);
	import_recipe(document->imports, IMPORT_SUPERGFXD, place, text_of("mode: Vfio"),
		      RULE_SECOND_SCREEN);
}

static void walk(const struct document *document, struct json_object *value, unsigned depth);

static void walk_array(const struct document *document, const char *key, struct json_object *array,
		       unsigned depth)
{
	bool words = key && (!strcmp(key, "pci_ids") || !strcmp(key, "isolated_gpu_pci_ids"));

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (words && json_object_is_type(item, json_type_string))
			take_word(document, IMPORT_TRUENAS, item);
		else
			walk(document, item, depth);
	}
}

/* Finds the few keys that count, however deep: an API's answer has them further down. */
static void walk(const struct document *document, struct json_object *value, unsigned depth)
{
	if (depth == DEPTH_MAX)
		return;
	if (json_object_is_type(value, json_type_array))
		walk_array(document, NULL, value, depth + 1);
	if (!json_object_is_type(value, json_type_object))
		return;
	take_mode(document, value);
	if (json_object_object_get(value, "vendor_id") &&
	    json_object_object_get(value, "product_id"))
		take_device(document, value);
	json_object_object_foreach(value, key, member)
	{
		if (!strcmp(key, "pptdev") && json_object_is_type(member, json_type_string))
			take_pptdev(document, member);
		else if (json_object_is_type(member, json_type_array))
			walk_array(document, key, member, depth + 1);
		else
			walk(document, member, depth + 1);
	}
}

/* Parses the text, or names where it is no JSON. */
static struct json_object *parse(const struct document *document, enum import_source source)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	char place[CONF_PLACE_SIZE];
	size_t end;

	if (!tokener)
		return NULL;
	object = json_tokener_parse_ex(tokener, document->text.at, (int)document->text.len);
	end = json_tokener_get_parse_end(tokener);
	place_at(document, end < document->text.len ? end : document->text.len, place);
	if (!object && import_begin(document->imports, source, place, text_of("no JSON")))
		import_unread(document->imports, text_of(place), "cannot be read as JSON");
	json_tokener_free(tokener);
	return object;
}

/* "[Unit]" heads a section of a file of systemd's. */
static bool begins_json(const char *text)
{
	text += strspn(text, " \t\r\n");
	return text[0] == '{' || (text[0] == '[' && !strchr(UPPER_CASE, text[1]));
}

/* A file that is JSON by its place, or else by its beginning. */
static void read_json(struct imports *imports, const char *path, enum import_source source,
		      bool by_place)
{
	static char buffer[JSON_MAX];
	ssize_t len = machine_read(imports->machine, path, buffer, sizeof(buffer));
	const struct document document = { imports, path, { buffer, len > 0 ? (size_t)len : 0 } };
	struct json_object *object;

	if (!len || len == -ENOENT)
		return;
	if (!by_place && (len < 0 || !begins_json(buffer)))
		return;
	object = parse(&document, source);
	walk(&document, object, 0);
	(void)json_object_put(object);
}

void import_systems(struct imports *imports)
{
	struct passthrough device = { .imports = imports };
	struct rebind rebind = { .imports = imports };

	read_json(imports, TRUENAS, IMPORT_TRUENAS, true);
	/* Only TrueNAS reads its database; what of it counts is in the file beside the images. */
	if (machine_has(imports->machine, TRUENAS_BASE) &&
	    !machine_has(imports->machine, TRUENAS) &&
	    import_begin(imports, IMPORT_TRUENAS, "/" TRUENAS_BASE, text_of("")))
		import_unread(imports, text_of("/" TRUENAS_BASE),
			      "cannot be read here. There, write it to a file: midclt call "
			      "system.advanced.config >FILE; and here: vfio-bind import FILE");
	(void)conf_read(imports->machine, INCUSOS, take_incusos, &device);
	flush_passthrough(&device);
	(void)conf_read(imports->machine, TALOS, take_talos, &rebind);
	flush_rebind(&rebind);
	read_json(imports, SUPERGFXD, IMPORT_SUPERGFXD, true);
}

void import_systems_read(struct imports *imports, const char *path)
{
	struct passthrough device = { .imports = imports };
	struct rebind rebind = { .imports = imports };
	size_t before = imports->count;

	read_json(imports, path, IMPORT_TRUENAS, false);
	if (imports->count != before)
		return; /* JSON is YAML too, and was read as that */
	(void)conf_read(imports->machine, path, take_incusos, &device);
	flush_passthrough(&device);
	(void)conf_read(imports->machine, path, take_talos, &rebind);
	flush_rebind(&rebind);
}
