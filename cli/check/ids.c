/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf_file.h"
#include "base/id_list.h"
#include "check.h"

#include <stdio.h>
#include <string.h>

/* What a list of kinds takes. */
struct taken {
	struct naming bound;  /* the policy binds them too */
	struct naming others; /* it leaves them to the host */
};

const char *say_place(const char *place, char out[CHECK_PLACE_SIZE])
{
	if (!strcmp(place, "/proc/cmdline"))
		(void)snprintf(out, CHECK_PLACE_SIZE, "on the kernel command line");
	else
		(void)snprintf(out, CHECK_PLACE_SIZE, "in %s", place);
	return out;
}

static bool is_in_list(const void *list, const struct device *device)
{
	return kinds_match(*(const struct text *)list, device);
}

/* What the host has from the device, or NULL. */
static const char *lived_on(struct host *host, size_t index)
{
	static const struct {
		enum use use;
		const char *how;
	} uses[] = {
		{ USE_STORAGE, "holds the host's storage" },
		{ USE_NETWORK, "carries the host's network" },
		{ USE_INPUT, "has the host's only keyboard" },
	};
	bool wants_dsn;

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (protect_find(&host->judged.protect, &host->judged.inventory, index, uses[i].use,
				 &wants_dsn))
			return uses[i].how;
	return NULL;
}

static void find_taken(struct host *host, check_takes takes, const void *context,
		       struct taken *taken)
{
	const struct inventory *inventory = &host->judged.inventory;

	for (size_t i = 0; i < inventory->count; i++) {
		if (device_is_bridge(&inventory->devices[i]) ||
		    !takes(context, &inventory->devices[i]))
			continue;
		if (plan_verdict(&host->judged.plan, i).kind == VERDICT_BIND) {
			naming_add(&taken->bound, host, i);
			continue;
		}
		naming_add(&taken->others, host, i);
	}
}

#define LIVED_ON_SIZE 1024

static bool holds_root(struct findings *findings, size_t index)
{
	const struct need *note = NULL;

	while ((note = needs_next(&findings->notes.needs, index, note)))
		if (note->why == FOR_ROOT)
			return true;
	return false;
}

/* Adds "; 0000:05:00.0 holds the host's storage: swap" for what holds root, or for what does not. */
static size_t add_lived_on(struct findings *findings, const struct taken *taken, bool root,
			   char out[LIVED_ON_SIZE], size_t len)
{
	for (size_t i = 0; i < taken->others.count && len < LIVED_ON_SIZE - 1; i++) {
		size_t index = taken->others.all[i];
		const char *how = lived_on(findings->host, index);
		char uses[USES_TEXT_SIZE], address[ADDRESS_SIZE];

		(void)uses_text(findings, index, uses);
		if (!how || holds_root(findings, index) != root)
			continue;
		(void)address_format(findings->host->judged.inventory.devices[index].address,
				     address);
		len += (size_t)snprintf(out + len, LIVED_ON_SIZE - len, "; %s %s%s%s", address, how,
					uses[0] ? ": " : "", uses);
	}
	return len;
}

/* All that the host lives on, root first. */
static void say_lived_on(struct findings *findings, const struct taken *taken,
			 char out[LIVED_ON_SIZE])
{
	out[0] = '\0';
	(void)add_lived_on(findings, taken, false, out,
			   add_lived_on(findings, taken, true, out, 0));
}

static void say_others(struct findings *findings, struct taken *taken, struct text line,
		       const char *place)
{
	char lives[LIVED_ON_SIZE], all[64] = "", in[CHECK_PLACE_SIZE];
	struct finding *finding;

	say_lived_on(findings, taken, lives);
	if (taken->bound.count)
		(void)snprintf(all, sizeof(all), "all %zu devices of its kinds, also ",
			       taken->bound.count + taken->others.count);
	finding = finding_add(findings, SEVERITY_WARNING, "ids",
			      "\"%.*s\" %s takes %s%s, which the policy leaves to the host%s",
			      (int)line.len, line.at, say_place(place, in), all, taken->others.text,
			      lives);
	finding_advise(finding, taken->bound.count ?
					"remove it: the policy needs no such line" :
					"remove it, or make rules of it: vfio-bind import");
	finding_set_place(finding, "%s", place);
	naming_give(&taken->others, finding);
	naming_free(&taken->bound);
}

static void say_redundant(struct findings *findings, struct taken *taken, struct text line,
			  const char *place)
{
	char in[CHECK_PLACE_SIZE];
	struct finding *finding =
		finding_add(findings, SEVERITY_NOTE, "ids", "\"%.*s\" %s takes %s", (int)line.len,
			    line.at, say_place(place, in),
			    taken->bound.count ? "only what the policy binds anyhow" :
						 "no device that is there");

	finding_advise(finding, "remove it: it would take any twin that is added");
	finding_set_place(finding, "%s", place);
	naming_give(&taken->bound, finding);
}

void check_taken(struct findings *findings, check_takes takes, const void *context,
		 struct text line, const char *place)
{
	struct taken taken = { 0 };

	find_taken(findings->host, takes, context, &taken);
	if (taken.others.count)
		say_others(findings, &taken, line, place);
	else
		say_redundant(findings, &taken, line, place);
}

void check_kinds(struct findings *findings, struct text list, struct text line, const char *place)
{
	check_taken(findings, is_in_list, &list, line, place);
}
