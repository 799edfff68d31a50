/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf_file.h"
#include "base/id_list.h"
#include "check.h"

#include <stdio.h>

/* Guests' drivers that take devices by kind. */
static const char *const takers[] = { "vfio-pci", "pci-stub" };

bool takes_kinds(struct text module)
{
	for (size_t i = 0; i < ARRAY_SIZE(takers); i++)
		if (conf_is_module(module, takers[i]))
			return true;
	return false;
}

/* What a list of kinds takes. */
struct taken {
	struct naming bound;  /* the policy binds them too */
	struct naming others; /* it leaves them to the host */
	size_t storage;       /* one of those, which holds the host's storage, or NO_DEVICE */
};

static bool is_in_list(struct text list, const struct device *device)
{
	struct kind kind;

	while (kind_next(&list, &kind))
		if (kind_matches(&kind, device))
			return true;
	return false;
}

static void find_taken(struct host *host, struct text list, struct taken *taken)
{
	const struct inventory *inventory = &host->judged.inventory;
	bool wants_dsn;

	for (size_t i = 0; i < inventory->count; i++) {
		if (device_is_bridge(&inventory->devices[i]) ||
		    !is_in_list(list, &inventory->devices[i]))
			continue;
		if (plan_verdict(&host->judged.plan, i).kind == VERDICT_BIND) {
			naming_add(&taken->bound, host, i);
			continue;
		}
		naming_add(&taken->others, host, i);
		if (protect_find(&host->judged.protect, inventory, i, USE_STORAGE, &wants_dsn))
			taken->storage = i;
	}
}

/* "; 0000:05:00.0 holds the host's storage: root, swap" */
static void say_storage(struct findings *findings, size_t index, char out[USES_TEXT_SIZE + 64])
{
	char uses[USES_TEXT_SIZE], address[ADDRESS_SIZE];

	out[0] = '\0';
	if (index == NO_DEVICE)
		return;
	(void)address_format(findings->host->judged.inventory.devices[index].address, address);
	(void)uses_text(findings, index, uses);
	(void)snprintf(out, USES_TEXT_SIZE + 64, "; %s holds the host's storage%s%s", address,
		       uses[0] ? ": " : "", uses);
}

static void say_others(struct findings *findings, struct taken *taken, struct text line,
		       const char *in, const char *place)
{
	char storage[USES_TEXT_SIZE + 64], all[64] = "";
	struct finding *finding;

	say_storage(findings, taken->storage, storage);
	if (taken->bound.count)
		(void)snprintf(all, sizeof(all), "all %zu devices of its kinds, also ",
			       taken->bound.count + taken->others.count);
	finding = finding_add(findings, SEVERITY_WARNING, "ids",
			      "\"%.*s\" %s takes %s%s, which the policy leaves to the host%s",
			      (int)line.len, line.at, in, all, taken->others.text, storage);
	finding_advise(finding, taken->bound.count ?
					"remove it: the policy needs no ids=" :
					"remove it, or make rules of it: vfio-bind import");
	finding_set_place(finding, "%s", place);
	naming_give(&taken->others, finding);
	naming_free(&taken->bound);
}

static void say_redundant(struct findings *findings, struct taken *taken, struct text line,
			  const char *in, const char *place)
{
	struct finding *finding = finding_add(
		findings, SEVERITY_NOTE, "ids", "\"%.*s\" %s takes %s", (int)line.len, line.at, in,
		taken->bound.count ? "only what the policy binds anyhow" :
				     "no device that is there");

	finding_advise(finding, "remove it: it would take any twin that is added");
	finding_set_place(finding, "%s", place);
	naming_give(&taken->bound, finding);
}

void check_kinds(struct findings *findings, struct text list, struct text line, const char *in,
		 const char *place)
{
	struct taken taken = { .storage = NO_DEVICE };

	find_taken(findings->host, list, &taken);
	if (taken.others.count)
		say_others(findings, &taken, line, in, place);
	else
		say_redundant(findings, &taken, line, in, place);
}
