/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "graph_nodes.h"

static const struct device *device_at(const struct view *view, size_t index)
{
	return &view->host->judged.inventory.devices[index];
}

int32_t group_of(const struct view *view, size_t index)
{
	const struct device *device = device_at(view, index);

	return device->known & FACT_GROUP ? device->group : GROUP_NONE;
}

/* Of the same kind: of what nobody gives to a guest the class will do. */
static bool same_kind(const struct device *a, const struct device *b)
{
	if (a->vendor != b->vendor || device_class16(a) != device_class16(b))
		return false;
	return a->device == b->device || (is_chipset(a) && is_chipset(b));
}

static bool same_place(const struct view *view, const struct device *a, const struct device *b)
{
	const struct inventory *inventory = &view->host->judged.inventory;

	return a->above == b->above && a->root.domain == b->root.domain &&
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

static void look(struct graph_nodes *nodes, const struct view *view)
{
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		const struct device *device = device_at(view, i);
		size_t function = NO_DEVICE;

		nodes->states[i] = device_state(view->host, &view->last, i);
		nodes->used[i] = host_notes_any(&view->notes, i);
		if (device->above != NO_DEVICE)
			nodes->above[device->above] = true;
		if (device->below_function)
			function = inventory_find(&view->host->judged.inventory, device->below);
		if (function != NO_DEVICE)
			nodes->above[function] = true;
	}
}

static void find_uniform(struct graph_nodes *nodes, const struct view *view)
{
	for (size_t i = 0; i < view->host->judged.inventory.count; i++) {
		int32_t group = group_of(view, i);

		nodes->uniform[i] = true;
		for (size_t j = 0; group != GROUP_NONE && nodes->uniform[i] &&
				   j < view->host->judged.inventory.count;
		     j++)
			if (group_of(view, j) == group)
				nodes->uniform[i] = are_equal(nodes, view, i, j);
	}
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

void graph_nodes_find(struct graph_nodes *nodes, struct view *view)
{
	look(nodes, view);
	find_uniform(nodes, view);
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
