/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which functions a graph shows as one: equal ones side by side, with the same fate. */
#ifndef GRAPHNODES_H
#define GRAPHNODES_H

#include "view.h"

struct graph_nodes {
	uint16_t node[DEVICE_MAX];  /* index of the first function of the node each is in */
	uint16_t count[DEVICE_MAX]; /* how many a node has; 0 for those that are no first */
	enum state states[DEVICE_MAX];
	bool above[DEVICE_MAX];   /* something hangs below it */
	bool used[DEVICE_MAX];    /* the host has a use for it */
	bool uniform[DEVICE_MAX]; /* all of its IOMMU group would fit into one node */
	bool mixed[DEVICE_MAX];   /* of a node: its functions have different ids */
};

/* nodes starts out all zero. */
void graph_nodes_find(struct graph_nodes *nodes, struct view *view);

/* The IOMMU group, or GROUP_NONE. */
int32_t group_of(const struct view *view, size_t index);

#endif
