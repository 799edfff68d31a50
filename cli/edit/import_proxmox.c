/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proxmox VE: mappings of a cluster, pvesh(1) /cluster/mapping/pci; hostpci of guests, qm.conf(5). */
#include "imports.h"

#include "base/words.h"

#include <stdio.h>
#include <string.h>

#define MAPPINGS "etc/pve/mapping/pci.cfg"
#define NODES    "etc/pve/nodes"

struct mapping {
	struct imports *imports;
	char node[65]; /* the name of this one, or "" where nobody knows */
	size_t first;  /* device of the mapping */
	bool is_mediated;
};

/* A node goes by the first part of its host's name. */
static void find_node(struct machine *machine, char node[65])
{
	static const char *const paths[] = { "etc/hostname", "proc/sys/kernel/hostname" };
	ssize_t len = -1;

	for (size_t i = 0; i < ARRAY_SIZE(paths) && len <= 0; i++)
		len = machine_read(machine, paths[i], node, 65);
	node[len > 0 ? strcspn(node, ".\r\n") : 0] = '\0';
}

/* The value of KEY= in a list with commas; for a key of NULL the one value that has none. */
static struct text find_property(struct text list, const char *key)
{
	struct text property;

	while (text_cut(&list, ',', &property)) {
		struct text value = property, name;

		(void)text_cut(&value, '=', &name);
		if (!value.at ? !key : key && text_is(name, key))
			return value.at ? value : property;
	}
	return (struct text){ 0 };
}

static void add_paths(struct imports *imports, struct text list, struct text id)
{
	struct text path;

	while (text_cut(&list, ';', &path))
		import_slot(imports, path, id);
}

static void mark_mediated(const struct mapping *mapping)
{
	for (size_t d = mapping->first; d < mapping->imports->device_count; d++)
		mapping->imports->devices[d].unread = import_mediated;
}

/* map id=10de:2684,iommugroup=14,node=pve,path=0000:01:00;0000:02:00.0,subsystem-id=... */
static void take_map(struct mapping *mapping, const struct conf_line *line, struct text map)
{
	struct text node = find_property(map, "node"), path = find_property(map, "path");

	if (mapping->node[0] && node.at && !text_is(node, mapping->node))
		return; /* of another machine */
	if (!import_begin_line(mapping->imports, IMPORT_PROXMOX, line))
		return;
	if (path.len)
		add_paths(mapping->imports, path, find_property(map, "id"));
	else
		import_unread(mapping->imports, map, "has no path=");
	if (mapping->is_mediated)
		mark_mediated(mapping);
}

static bool is_header(struct text line)
{
	return line.at[0] != ' ' && line.at[0] != '\t';
}

static bool take_mapping(void *context, const struct conf_line *line)
{
	struct mapping *mapping = context;
	struct text rest = line->text, key;

	if (is_header(line->text)) {
		mapping->first = mapping->imports->device_count;
		mapping->is_mediated = false;
		return true;
	}
	if (!word_next(&rest, &key) || !rest.len)
		return true;
	rest = (struct text){ rest.at + 1, rest.len - 1 };
	if (text_is(key, "map"))
		take_map(mapping, line, rest);
	if (text_is(key, "mdev") && text_is(rest, "1")) {
		mapping->is_mediated = true;
		mark_mediated(mapping);
	}
	return true;
}

struct wanted {
	struct text name;
	bool found;
};

/* A mapping is headed by its name, with or without its kind before it. */
static bool find_header(void *context, const struct conf_line *line)
{
	struct wanted *wanted = context;
	struct text rest = line->text, word = { 0 };

	while (is_header(line->text) && word_next(&rest, &word))
		wanted->found |= text_equal(word, wanted->name);
	return !wanted->found;
}

struct guest_file {
	struct imports *imports;
	char path[MACHINE_PATH_SIZE];
	bool in_snapshot; /* or in what waits for the next start: behind a [NAME] */
};

/* 0000:01:00,pcie=1 or host=01:00.0;01:00.1 or mapping=NAME */
static void take_hostpci(struct imports *imports, const struct conf_line *line, struct text value)
{
	struct text host = find_property(value, NULL);
	struct wanted wanted = { find_property(value, "mapping"), false };

	if (!host.len)
		host = find_property(value, "host");
	if (wanted.name.len)
		(void)conf_read(imports->machine, MAPPINGS, find_header, &wanted);
	if (wanted.found || !import_begin_line(imports, IMPORT_PROXMOX, line))
		return; /* a mapping is taken where it stands */
	if (wanted.name.len)
		import_unread(imports, wanted.name, "is no mapping of /" MAPPINGS);
	else if (!host.len)
		import_unread(imports, value, "names no device");
	else if (find_property(value, "mdev").at)
		import_unread(imports, host, import_mediated);
	else
		add_paths(imports, host, (struct text){ 0 });
}

static bool take_guest(void *context, const struct conf_line *line)
{
	static const char hostpci[] = "hostpci";
	struct guest_file *file = context;
	struct text rest = line->text, key, value;
	uint32_t number;

	if (strcmp(file->path, line->path) != 0) {
		file->in_snapshot = false;
		(void)join(file->path, sizeof(file->path), line->path, "", "");
	}
	file->in_snapshot |= line->text.at[0] == '[';
	if (file->in_snapshot || !text_cut(&rest, ':', &key) || !rest.at ||
	    key.len < sizeof(hostpci) || memcmp(key.at, hostpci, sizeof(hostpci) - 1) != 0 ||
	    !text_number(
		    (struct text){ key.at + sizeof(hostpci) - 1, key.len - (sizeof(hostpci) - 1) },
		    UINT16_MAX, &number))
		return true;
	if (word_next(&rest, &value))
		take_hostpci(file->imports, line, value);
	return true;
}

static void read_guests(struct imports *imports, const char *dir)
{
	struct guest_file file = { .imports = imports };

	(void)conf_read_dirs(imports->machine, &dir, 1, ".conf", take_guest, &file);
}

/* The guests of every node: where nobody knows which of them this machine is. */
static void read_nodes(struct imports *imports)
{
	static struct dir dir;
	char path[MACHINE_PATH_SIZE];
	const char *name;
	int err;

	if (dir_open(imports->machine, NODES, &dir))
		return;
	while ((name = dir_next(&dir, &err)))
		if (join(path, sizeof(path), NODES "/", name, "/qemu-server"))
			read_guests(imports, path);
	dir_close(&dir);
}

void import_proxmox(struct imports *imports)
{
	struct mapping mapping = { .imports = imports };
	char path[MACHINE_PATH_SIZE];

	find_node(imports->machine, mapping.node);
	(void)conf_read(imports->machine, MAPPINGS, take_mapping, &mapping);
	(void)join(path, sizeof(path), NODES "/", mapping.node, "/qemu-server");
	if (machine_has(imports->machine, "etc/pve/qemu-server"))
		read_guests(imports, "etc/pve/qemu-server");
	else if (mapping.node[0] && machine_has(imports->machine, path))
		read_guests(imports, path);
	else
		read_nodes(imports);
}

void import_proxmox_read(struct imports *imports, const char *path)
{
	struct mapping mapping = { .imports = imports };
	struct guest_file guest = { .imports = imports };

	find_node(&imports->host->judged.machine, mapping.node);
	(void)conf_read(imports->machine, path, take_mapping, &mapping);
	(void)conf_read(imports->machine, path, take_guest, &guest);
}
