/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind graph: the machine as Graphviz DOT, IOMMU groups as clusters, verdicts as colours. */
#include "base/arguments.h"
#include "row_text.h"

#include <stdio.h>
#include <string.h>

#define LABEL_SIZE 1024

/* Equal functions side by side with the same fate are one node. */
struct graph_nodes {
	uint16_t node[DEVICE_MAX];  /* index of the first function of the node each is in */
	uint16_t count[DEVICE_MAX]; /* how many a node has; 0 unless it is the first of its run */
	enum device_state states[DEVICE_MAX];
	bool above[DEVICE_MAX];   /* something hangs below it */
	bool used[DEVICE_MAX];    /* the host has a use for it */
	bool uniform[DEVICE_MAX]; /* all of its IOMMU group would fit into one node */
	bool mixed[DEVICE_MAX];   /* of a node: its functions have different ids */
};

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

static int32_t group_of(const struct view *view, size_t index)
{
	return device_group(device_at(view, index));
}

/* Of the same kind: of what nobody gives to a guest the class will do. */
static bool same_kind(const struct device *a, const struct device *b)
{
	if (a->vendor != b->vendor || device_class16(a) != device_class16(b))
		return false;
	return a->device == b->device || (is_chipset(a) && is_chipset(b));
}

/* A virtual function hangs below its physical one. */
static size_t parent_of(const struct device *device)
{
	return device->is_virtual && device->physfn != NO_DEVICE ? device->physfn : device->above;
}

static bool same_place(const struct view *view, const struct device *a, const struct device *b)
{
	const struct inventory *inventory = &view->host->judged.inventory;

	return parent_of(a) == parent_of(b) && a->root.domain == b->root.domain &&
	       a->root.bus == b->root.bus &&
	       inventory_slot(inventory, a) == inventory_slot(inventory, b);
}

static bool same_fate(const struct graph_nodes *nodes, const struct view *view, size_t a, size_t b)
{
	struct verdict left = plan_verdict(&view->host->judged.plan, a);
	struct verdict right = plan_verdict(&view->host->judged.plan, b);

	return left.kind == right.kind && left.reason == right.reason && left.rule == right.rule &&
	       nodes->states[a] == nodes->states[b] &&
	       text_equal(text_of(view->host->drivers[a]), text_of(view->host->drivers[b]));
}

static bool are_equal(const struct graph_nodes *nodes, const struct view *view, size_t a, size_t b)
{
	if (a == b)
		return true;
	return !nodes->above[a] && !nodes->above[b] && !nodes->used[a] && !nodes->used[b] &&
	       same_kind(device_at(view, a), device_at(view, b)) &&
	       same_place(view, device_at(view, a), device_at(view, b)) &&
	       same_fate(nodes, view, a, b);
}

/* One node spans groups only where it is all there is in each of them. */
static bool belong_together(const struct graph_nodes *nodes, const struct view *view, size_t a,
			    size_t b)
{
	int32_t left = group_of(view, a), right = group_of(view, b);
	bool across = nodes->uniform[a] && nodes->uniform[b] &&
		      (left == GROUP_NONE) == (right == GROUP_NONE);

	return (left == right || across) && are_equal(nodes, view, a, b);
}

static void find_nodes(struct graph_nodes *nodes, struct view *view)
{
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		const struct device *device = device_at(view, i);
		size_t function = NO_DEVICE;
		struct device_row row;

		device_row(view, i, &row);
		nodes->states[i] = row.state;
		nodes->used[i] = needs_next(&view->notes.needs, i, NULL);
		if (device->above != NO_DEVICE)
			nodes->above[device->above] = true;
		if (device->below_function)
			function = inventory_find(&view->host->judged.inventory, device->below);
		if (function != NO_DEVICE)
			nodes->above[function] = true;
	}
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		int32_t group = group_of(view, i);

		nodes->uniform[i] = true;
		for (size_t j = 0; group != GROUP_NONE && nodes->uniform[i] &&
				   j < view->host->judged.inventory.count;
		     j++)
			if (group_of(view, j) == group)
				nodes->uniform[i] = are_equal(nodes, view, i, j);
	}
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		size_t first = 0;

		while (!nodes->count[first] || !belong_together(nodes, view, first, i))
			if (++first > i) {
				first = i;
				break;
			}
		nodes->node[i] = (uint16_t)first;
		nodes->count[first]++;
		if (device_at(view, first)->device != device_at(view, i)->device)
			nodes->mixed[first] = true;
	}
}

/* Quoted strings of the DOT language: graphviz.org/doc/info/lang.html. */

/* `"text"`: for names, where nothing but the quote has a meaning. */
static void print_name(const char *text)
{
	(void)putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			(void)putchar('\\');
		(void)putchar(*text);
	}
	(void)putchar('"');
}

/*
 * The text of a label without its quotes: "\" begins escapes in it, and "&" entities
 * (graphviz.org/docs/attr-types/escString). A newline ends a line.
 */
static void print_label(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '"':
			(void)fputs("\\\"", stdout);
			break;
		case '\\':
			(void)fputs("\\\\", stdout);
			break;
		case '&':
			(void)fputs("&amp;", stdout);
			break;
		case '\n':
			(void)fputs("\\n", stdout);
			break;
		default:
			(void)putchar(*text);
			break;
		}
	}
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

static const char *style_of(enum device_state state)
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
	case DEVICE_STATES:
		break;
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

static void make_label(char label[LABEL_SIZE], const struct graph_nodes *nodes,
		       const struct device_row *row)
{
	const struct device *device = row->device;
	bool above = nodes->above[row->index], mixed = nodes->mixed[row->index];
	char class[NAME_TEXT_SIZE], name[NAME_TEXT_SIZE], address[ADDRESS_SIZE], last[ADDRESS_SIZE],
		slot[SLOT_NAME_SIZE];
	unsigned last_twin = row->view->twin[last_of(nodes, row->view, row->index)];
	const struct need *note = NULL;

	label[0] = '\0';
	(void)device_class_text(device, class);
	(void)address_of(row->view, row->index, address);
	if (nodes->count[row->index] == 1)
		add_line(label, "%s", address);
	else
		add_line(label, "%u × %s … %s", nodes->count[row->index], address,
			 address_of(row->view, last_of(nodes, row->view, row->index), last));
	if (mixed)
		add_line(label, "%s %04x:*", class, device->vendor);
	else
		add_line(label, "%s %04x:%04x", class, device->vendor, device->device);
	if (!above && !mixed)
		add_line(label, "%s", name_text(row, name));
	if (!above) {
		struct text now = row->driver, next = row->driver_next;

		if (!now.len)
			now = text_of(next.len ? "no driver" : "");
		else if (!next.len)
			next = text_of("host");
		if (!text_equal(now, next))
			add_line(label, "%.*s → %.*s", (int)now.len, now.at, (int)next.len,
				 next.at);
		else if (now.len)
			add_line(label, "%.*s", (int)now.len, now.at);
	}
	while ((note = needs_next(&row->view->notes.needs, row->index, note)))
		add_line(label, "%s", need_word(note));
	/* "1 of 3 twins", or with more of them in one node "1 to 4 of 8 twins". */
	if (row->twins && row->twin == last_twin)
		add_line(label, "%u of %u twins", row->twin, row->twins);
	else if (row->twins)
		add_line(label, "%u to %u of %u twins", row->twin, last_twin, row->twins);
	if (slot_text(row, slot)[0])
		add_line(label, "slot %s", slot);
	if (row->state == STATE_REFUSED || row->verdict.kind == VERDICT_REFUSE)
		add_line(label, "refused: %s",
			 reason_token(row->refused_by_boot ? row->refusal : row->verdict.reason));
}

static void print_node(const struct graph_nodes *nodes, struct view *view, size_t index,
		       const char *indent)
{
	char address[ADDRESS_SIZE], label[LABEL_SIZE];
	struct device_row row;
	const char *before = "";

	device_row(view, index, &row);
	make_label(label, nodes, &row);
	(void)fputs(indent, stdout);
	print_name(address_of(view, index, address));
	(void)fputs(" [label=\"", stdout);
	print_label(label);
	(void)printf("\", fillcolor=%s, style=\"%s\"",
		     device_is_bridge(row.device) && !row.rule ? "gray92" :
								 fill_of(row.verdict.kind),
		     style_of(row.state));
	if (row.state == STATE_DRIFT || row.state == STATE_FOREIGN)
		(void)fputs(", color=red", stdout);
	if (row.twins)
		(void)fputs(", peripheries=2", stdout);
	/* All functions of the node, for programs: dot(1) passes over what it does not know. */
	(void)fputs(", functions=\"", stdout);
	for (size_t i = index; i < count_of(view); i++) {
		if (nodes->node[i] != index)
			continue;
		(void)printf("%s%s", before, address_of(view, i, address));
		before = " ";
	}
	(void)fputs("\"];\n", stdout);
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

/* The group of the device at first, which no device before it is in. */
static void print_cluster(const struct graph_nodes *nodes, struct view *view, size_t first)
{
	int32_t group = group_of(view, first), last = group;
	bool several = false;

	(void)printf("\tsubgraph cluster_%d {\n", group);
	/* "group 7", or of a node that is all of several "groups 15 16 17". */
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
	print_name(from);
	(void)fputs(" -> ", stdout);
	print_name(to);
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
	print_name(name);
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
		print_edge(parent_of(device) == NO_DEVICE ?
				   root :
				   address_of(view, nodes->node[parent_of(device)], above),
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
		return arguments_refuse_json(options, "graph writes DOT: no --json, no -o");
	view = view_read(options, &code);
	if (!view)
		return code;
	if (view->host->mistakes.diag.mistakes)
		code = mistakes_code(&view->host->mistakes);
	find_nodes(&nodes, view);
	(void)fputs(head, stdout);
	print_nodes(&nodes, view);
	print_edges(&nodes, view);
	(void)puts("}");
	mistakes_print(&view->host->mistakes);
	view_free(view);
	return code;
}
