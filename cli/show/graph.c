/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind graph: the machine as Graphviz DOT, IOMMU groups as clusters, verdicts as colours. */
#include "base/arguments.h"
#include "dot.h"
#include "graph_nodes.h"

#include <stdio.h>
#include <string.h>

#define LABEL_SIZE 1024

static const char head[] =
	"digraph vfio_bind {\n"
	"\tgraph [rankdir=LR, fontname=\"sans-serif\", ranksep=0.6, nodesep=0.15,\n"
	"\t\tlabel=\"green: bound to a guest's driver at the next boot, red: refused, blue: kept "
	"by a "
	"rule\\ndashed: not so yet, thick: not as this boot left it, double: one of several "
	"twins\"];\n"
	"\tnode [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\", fontsize=10];\n"
	"\tedge [arrowhead=none, color=gray50];\n";

static size_t count_of(const struct view *view)
{
	return view->host->judged.inventory.count;
}

static const struct device *device_at(const struct view *view, size_t index)
{
	return &view->host->judged.inventory.devices[index];
}

static const char *address_of(const struct view *view, size_t index, char out[ADDRESS_SIZE])
{
	(void)address_format(device_at(view, index)->address, out);
	return out;
}

static const char *fill_of(enum verdict_kind kind)
{
	switch (kind) {
	case VERDICT_NONE:
		return "white";
	case VERDICT_BIND:
		return "palegreen";
	case VERDICT_KEEP:
		return "lightskyblue";
	case VERDICT_REFUSE:
		return "lightcoral";
	}
	return "white";
}

static const char *style_of(enum state state)
{
	switch (state) {
	case STATE_HOST:
	case STATE_VFIO:
	case STATE_REFUSED:
		return "filled";
	case STATE_PENDING:
		return "filled,dashed";
	case STATE_DRIFT:
	case STATE_FOREIGN:
		return "filled,bold";
	}
	return "filled";
}

/* Puts one more line into a label. */
__attribute__((format(printf, 2, 3))) static void add_line(char label[LABEL_SIZE], const char *how,
							   ...)
{
	size_t len = strlen(label);
	va_list arguments;

	if (len + 2 >= LABEL_SIZE)
		return;
	if (len)
		label[len++] = '\n';
	va_start(arguments, how);
	(void)vsnprintf(label + len, LABEL_SIZE - len, how, arguments);
	va_end(arguments);
}

static size_t last_of(const struct graph_nodes *nodes, const struct view *view, size_t first)
{
	size_t last = first;

	for (size_t i = first; i < count_of(view); i++)
		if (nodes->node[i] == first)
			last = i;
	return last;
}

static void add_title(char label[LABEL_SIZE], const struct graph_nodes *nodes,
		      const struct view *view, size_t index)
{
	char address[ADDRESS_SIZE], last[ADDRESS_SIZE];

	(void)address_of(view, index, address);
	if (nodes->count[index] == 1)
		add_line(label, "%s", address);
	else
		add_line(label, "%u × %s … %s", nodes->count[index], address,
			 address_of(view, last_of(nodes, view, index), last));
}

/* "1 of 3 twins", or with more of them in one node "1 to 4 of 8 twins". */
static void add_twins(char label[LABEL_SIZE], const struct graph_nodes *nodes,
		      const struct view *view, size_t index, const char *slot)
{
	unsigned first = view->twins.which[index], of = view->twins.of[index];
	unsigned last = view->twins.which[last_of(nodes, view, index)];

	if (of && first == last)
		add_line(label, "%u of %u twins", first, of);
	else if (of)
		add_line(label, "%u to %u of %u twins", first, last, of);
	if (slot[0])
		add_line(label, "slot %s", slot);
}

static void add_drivers(char label[LABEL_SIZE], const char *now, const char *next)
{
	if (strcmp(now, next) != 0)
		add_line(label, "%s → %s", now[0] ? now : "no driver", next[0] ? next : "host");
	else if (now[0])
		add_line(label, "%s", now);
}

static void add_uses(char label[LABEL_SIZE], const struct view *view, size_t index)
{
	for (size_t i = 0; i < view->notes.count; i++)
		if (view->notes.notes[i].index == index)
			add_line(label, "%s", view->notes.notes[i].text);
}

static void make_label(char label[LABEL_SIZE], const struct graph_nodes *nodes, struct view *view,
		       size_t index)
{
	struct verdict verdict = plan_verdict(&view->host->judged.plan, index);
	struct json_object *device = view_device(view, index);
	const char *id = json_get_string(device, "id");

	label[0] = '\0';
	add_title(label, nodes, view, index);
	if (nodes->mixed[index])
		add_line(label, "%s %.4s:*", json_get_string(device, "class"), id);
	else
		add_line(label, "%s %s", json_get_string(device, "class"), id);
	if (!nodes->above[index] && !nodes->mixed[index])
		add_line(label, "%s", json_get_string(device, "name"));
	if (!nodes->above[index])
		add_drivers(label, json_get_string(device, "driver"),
			    json_get_string(device, "driver_next"));
	add_uses(label, view, index);
	add_twins(label, nodes, view, index, json_get_string(device, "slot"));
	if (verdict.kind == VERDICT_REFUSE)
		add_line(label, "refused: %s", reason_token(verdict.reason));
	(void)json_object_put(device);
}

/* All functions of a node, for programs: an attribute dot(1) does not know it passes over. */
static void print_functions(const struct graph_nodes *nodes, const struct view *view, size_t first)
{
	const char *before = "";
	char address[ADDRESS_SIZE];

	(void)fputs(", functions=\"", stdout);
	for (size_t i = first; i < count_of(view); i++) {
		if (nodes->node[i] != first)
			continue;
		(void)printf("%s%s", before, address_of(view, i, address));
		before = " ";
	}
	(void)fputs("\"];\n", stdout);
}

static void print_node(const struct graph_nodes *nodes, struct view *view, size_t index,
		       const char *indent)
{
	enum verdict_kind kind = plan_verdict(&view->host->judged.plan, index).kind;
	bool bridge = device_is_bridge(device_at(view, index));
	char address[ADDRESS_SIZE], label[LABEL_SIZE];

	make_label(label, nodes, view, index);
	(void)fputs(indent, stdout);
	dot_name(address_of(view, index, address));
	(void)fputs(" [label=\"", stdout);
	dot_label(label);
	(void)printf("\", fillcolor=%s, style=\"%s\"",
		     bridge && kind == VERDICT_NONE ? "gray92" : fill_of(kind),
		     style_of(nodes->states[index]));
	if (nodes->states[index] == STATE_DRIFT || nodes->states[index] == STATE_FOREIGN)
		(void)fputs(", color=red", stdout);
	if (view->twins.of[index])
		(void)fputs(", peripheries=2", stdout);
	print_functions(nodes, view, index);
}

/* True if a device of the group goes to a guest while the host keeps another. */
static bool is_shared(const struct view *view, int32_t group)
{
	const struct judgement *judged = &view->host->judged;

	for (size_t i = 0; i < count_of(view); i++)
		if (group_of(view, i) == group &&
		    plan_verdict(&judged->plan, i).kind == VERDICT_BIND &&
		    plan_group_shared(&judged->plan, &judged->inventory, i, 0) != NO_DEVICE)
			return true;
	return false;
}

/* "group 7", or of a node that is all of several "groups 15 16 17". */
static void print_group_label(const struct graph_nodes *nodes, const struct view *view,
			      size_t first)
{
	int32_t last = group_of(view, first);
	bool several = false;

	for (size_t i = first; i < count_of(view); i++)
		several |= nodes->node[i] == first && group_of(view, i) != last;
	(void)printf("\t\tlabel=\"%s %d", several ? "groups" : "group", last);
	for (size_t i = first; i < count_of(view); i++) {
		if (nodes->node[i] != first || group_of(view, i) == last)
			continue;
		last = group_of(view, i);
		(void)printf(" %d", last);
	}
	(void)fputs("\";\n", stdout);
}

/* The group of the device at first, which no device before it is in. */
static void print_cluster(const struct graph_nodes *nodes, struct view *view, size_t first)
{
	int32_t group = group_of(view, first);

	(void)printf("\tsubgraph cluster_%d {\n", group);
	print_group_label(nodes, view, first);
	(void)printf("\t\tfontsize=9;\n\t\tcolor=%s;\n", is_shared(view, group) ? "red" : "gray60");
	for (size_t i = first; i < count_of(view); i++)
		if (group_of(view, i) == group && nodes->count[i])
			print_node(nodes, view, i, "\t\t");
	(void)fputs("\t}\n", stdout);
}

static bool is_first_of_group(const struct view *view, size_t index)
{
	int32_t group = group_of(view, index);

	for (size_t i = 0; i < index; i++)
		if (group_of(view, i) == group)
			return false;
	return group != GROUP_NONE;
}

static void print_nodes(const struct graph_nodes *nodes, struct view *view)
{
	for (size_t i = 0; i < count_of(view); i++) {
		if (!nodes->count[i])
			continue;
		if (group_of(view, i) == GROUP_NONE)
			print_node(nodes, view, i, "\t");
		else if (is_first_of_group(view, i))
			print_cluster(nodes, view, i);
	}
}

static void print_edge(const char *from, const char *to)
{
	(void)putchar('\t');
	dot_name(from);
	(void)fputs(" -> ", stdout);
	dot_name(to);
	(void)fputs(";\n", stdout);
}

/* A root bus, above the first device on it; a VMD controller may be above the bus. */
static void print_root(const struct graph_nodes *nodes, const struct view *view, size_t index,
		       const char *name)
{
	const struct device *device = device_at(view, index);
	size_t function = NO_DEVICE;
	char address[ADDRESS_SIZE];

	for (size_t i = 0; i < index; i++)
		if (device_at(view, i)->above == NO_DEVICE &&
		    device_at(view, i)->root.domain == device->root.domain &&
		    device_at(view, i)->root.bus == device->root.bus)
			return;
	(void)putchar('\t');
	dot_name(name);
	(void)printf(" [label=\"bus %s\", shape=plaintext, style=\"\"];\n", name + 3);
	if (device->below_function)
		function = inventory_find(&view->host->judged.inventory, device->below);
	if (function != NO_DEVICE)
		print_edge(address_of(view, nodes->node[function], address), name);
}

static void print_edges(const struct graph_nodes *nodes, const struct view *view)
{
	for (size_t i = 0; i < count_of(view); i++) {
		const struct device *device = device_at(view, i);
		char address[ADDRESS_SIZE], above[ADDRESS_SIZE], root[ADDRESS_SIZE];

		(void)snprintf(root, sizeof(root), "pci%04x:%02x", device->root.domain,
			       device->root.bus);
		if (device->above == NO_DEVICE)
			print_root(nodes, view, i, root);
		if (!nodes->count[i])
			continue;
		print_edge(device->above == NO_DEVICE ?
				   root :
				   address_of(view, nodes->node[device->above], above),
			   address_of(view, i, address));
	}
}

int command_graph(struct options *options, int argc, char *argv[])
{
	static const struct arguments none = { .usage = "" };
	static struct graph_nodes nodes;
	int code = arguments_take(options, &none, argc, argv);
	struct view *view;

	if (code >= 0)
		return code;
	if (options->json || options->columns)
		return complain(EXIT_USAGE, "graph writes DOT: no --json, no -o");
	view = view_read(options, &code);
	if (!view)
		return code;
	if (view->host->judged.diag.mistakes)
		code = EXIT_USAGE;
	graph_nodes_find(&nodes, view);
	(void)fputs(head, stdout);
	print_nodes(&nodes, view);
	print_edges(&nodes, view);
	(void)puts("}");
	view_free(view);
	return code;
}
