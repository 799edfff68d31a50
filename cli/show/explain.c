/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain.h"

#include "base/arguments.h"
#include "base/json.h"
#include "base/names.h"
#include "facts.h"
#include "guard.h"
#include "host/identity.h"
#include "host/read_host.h"
#include "match.h"
#include "row_text.h"
#include "variant.h"

#include <stdio.h>
#include <string.h>

#define CONFIG_CAPABILITIES 0x34
#define CAPABILITY_EXPRESS  0x10
#define SLOT_CAPABILITIES   0x14
#define SLOT_HOT_PLUG       0x40

/* How a rule stands to the device that is explained. */
enum relation {
	RELATION_NONE,
	RELATION_MATCHES,
	RELATION_COMPANION, /* brings it along with another device */
	RELATION_VOID,      /* matches, but count= or dsn= void the rule */
	RELATION_OTHER_NTH, /* matches, but nth= takes another */
	RELATION_NEARLY,    /* names its place, but something else differs */
};

static const char *const relation_names[] = {
	[RELATION_MATCHES] = "matches",
	[RELATION_COMPANION] = "brings along",
	[RELATION_VOID] = "void",
	[RELATION_OTHER_NTH] = "takes another",
	[RELATION_NEARLY] = "does not match",
};

static const struct rule *rule_at(const struct host *host, size_t rule)
{
	return &host->judged.policy.rules[rule];
}

/* The bound device that brings this one along under the rule, or NO_DEVICE. */
static size_t find_leader(struct host *host, size_t rule, size_t index)
{
	for (size_t i = 0; i < host->judged.inventory.count; i++)
		if (rule_selects(&host->decision, rule, i) &&
		    plan_verdict(&host->judged.plan, i).kind == VERDICT_BIND &&
		    goes_along(&host->decision, rule, index, i))
			return i;
	return NO_DEVICE;
}

static enum relation relate(struct host *host, size_t r, size_t index, size_t *leader)
{
	const struct rule *rule = rule_at(host, r);

	*leader = NO_DEVICE;
	if (rule_matches(&host->decision, rule, index)) {
		if (rule_is_void(&host->judged.plan, r))
			return RELATION_VOID;
		if (rule->verb == VERB_KEEP || rule_selects(&host->decision, r, index))
			return RELATION_MATCHES;
	}
	if (rule->verb == VERB_BIND)
		*leader = find_leader(host, r, index);
	if (*leader != NO_DEVICE)
		return RELATION_COMPANION;
	if (rule_matches(&host->decision, rule, index))
		return RELATION_OTHER_NTH;
	if (rule_names_place(rule) && rule_place(&host->decision, rule) == index)
		return RELATION_NEARLY;
	/* It would match if it were known which screen is the boot display. */
	for (size_t i = 0; i < host->judged.plan.results[r].screen_count; i++)
		if (host->judged.plan.results[r].screens[i] == index)
			return RELATION_NEARLY;
	return RELATION_NONE;
}

/* The values the rule compared: those that agree, or with agree false those that do not. */
static void say_values(struct host *host, const struct rule *rule, size_t index, bool agree,
		       char out[SENTENCE_SIZE])
{
	size_t len = 0;

	out[0] = '\0';
	for (enum selector selector = 0; selector < SELECTORS; selector++) {
		char one[SENTENCE_SIZE];

		if (!rule_has(rule, selector) ||
		    selector_matches(&host->decision, rule, selector, index) != agree)
			continue;
		(void)say_selector(host, selector, index, one);
		if (len + strlen(one) + 3 < SENTENCE_SIZE)
			len += (size_t)snprintf(out + len, SENTENCE_SIZE - len, "%s%s",
						len ? ", " : "", one);
	}
}

static void say_relation(struct host *host, size_t r, size_t index, enum relation relation,
			 size_t leader, char out[SENTENCE_SIZE])
{
	const struct rule_result *result = &host->judged.plan.results[r];
	const struct rule *rule = rule_at(host, r);
	char address[ADDRESS_SIZE];

	switch (relation) {
	case RELATION_NONE:
	case RELATION_MATCHES:
		say_values(host, rule, index, true, out);
		break;
	case RELATION_NEARLY:
		say_values(host, rule, index, false, out);
		break;
	case RELATION_COMPANION:
		(void)address_format(host->judged.inventory.devices[leader].address, address);
		(void)snprintf(out, SENTENCE_SIZE, "with %s", address);
		break;
	case RELATION_VOID:
		if (result->reason == REASON_COUNT)
			(void)snprintf(out, SENTENCE_SIZE, "%u device%s, not %u", result->matches,
				       result->matches == 1 ? " matches" : "s match", rule->count);
		else
			(void)snprintf(out, SENTENCE_SIZE, "%s", reason_text(result->reason));
		break;
	case RELATION_OTHER_NTH:
		(void)snprintf(out, SENTENCE_SIZE, "nth=%u of the %u that match is another",
			       rule->nth, result->matches);
		break;
	}
}

static struct json_object *explain_guard(struct host *host, enum reason guard, size_t r,
					 size_t index, enum reason how, bool *strikes)
{
	const struct rule *rule = rule_at(host, r);
	struct json_object *object = json_object_new_object();
	bool lifted = rule->allow & guard_allow(guard);
	char text[SENTENCE_SIZE];

	*strikes = guard_strikes(&host->decision, guard, rule, index, how);
	json_add_string(object, "guard", reason_token(guard));
	json_add_string(object, "result", *strikes ? "refuses" : lifted ? "lifted" : "passed");
	json_add_string(object, "detail", say_guard(host, guard, index, text));
	return object;
}

/* In order, up to the one that strikes: the others were never asked. */
static struct json_object *explain_guards(struct host *host, size_t r, size_t index,
					  enum reason how)
{
	struct json_object *array = json_object_new_array();
	bool strikes = false;

	for (enum reason guard = GUARD_FIRST; guard <= GUARD_LAST && !strikes; guard++)
		(void)json_object_array_add(array,
					    explain_guard(host, guard, r, index, how, &strikes));
	return array;
}

static struct json_object *explain_rule(struct host *host, size_t r, size_t index)
{
	const struct rule *rule = rule_at(host, r);
	struct json_object *object;
	char text[SENTENCE_SIZE];
	size_t leader;
	enum relation relation = relate(host, r, index, &leader);

	if (relation == RELATION_NONE)
		return NULL;
	object = json_object_new_object();
	say_relation(host, r, index, relation, leader, text);
	json_add_place(object, "rule", rule);
	json_add_text(object, "text", rule->source);
	json_add_string(object, "relation", relation_names[relation]);
	json_add_string(object, "detail", text);
	if (rule->verb == VERB_BIND &&
	    (relation == RELATION_MATCHES || relation == RELATION_COMPANION))
		(void)json_object_object_add(object, "guards",
					     explain_guards(host, r, index,
							    relation == RELATION_MATCHES ?
								    REASON_RULE :
								    REASON_COMPANION));
	return object;
}

/* Others of its kind that the rule could take: ", or one that is free: 0000:02:00.0". */
static void add_free_twins(struct host *host, size_t index, const struct rule *rule,
			   char out[SENTENCE_SIZE])
{
	size_t len = strlen(out), i = 0;
	const char *before = "; free of its kind: ";

	for (; (i = identity_twin(host, index, i)) != NO_DEVICE && len + 64 < SENTENCE_SIZE; i++) {
		char address[ADDRESS_SIZE];

		if (guard_first(&host->decision, rule, i, REASON_RULE) != REASON_NONE)
			continue;
		(void)address_format(host->judged.inventory.devices[i].address, address);
		len += (size_t)snprintf(out + len, SENTENCE_SIZE - len, "%s%s", before, address);
		before = ", ";
	}
}

const char *say_next_step(struct host *host, size_t index, char out[SENTENCE_SIZE])
{
	struct verdict verdict = plan_verdict(&host->judged.plan, index);

	out[0] = '\0';
	if (verdict.kind != VERDICT_REFUSE)
		return out;
	(void)snprintf(out, SENTENCE_SIZE, "%s", guard_remedy(verdict.reason));
	if (verdict.reason == REASON_HOST_STORAGE || verdict.reason == REASON_HOST_NETWORK ||
	    verdict.reason == REASON_HOST_INPUT || verdict.reason == REASON_IN_USE)
		add_free_twins(host, index, rule_at(host, verdict.rule), out);
	return out;
}

/* PCIe 7.5.3.9: the slot of a port is made for devices that come and go. */
static bool is_hot_plug_port(struct host *host, const struct device *port)
{
	static unsigned char config[CONFIG_SIZE + 1];
	char path[MACHINE_PATH_SIZE];
	ssize_t len = machine_read(&host->judged.machine, pci_path(path, port->address, "config"),
				   (char *)config, sizeof(config));
	size_t at = len > CONFIG_CAPABILITIES ? config[CONFIG_CAPABILITIES] & ~3u : 0;

	/* A list that goes round is none. */
	for (int hops = 0; hops < 48 && at && at + SLOT_CAPABILITIES < (size_t)len; hops++) {
		if (config[at] == CAPABILITY_EXPRESS)
			return config[at + SLOT_CAPABILITIES] & SLOT_HOT_PLUG;
		at = config[at + 1] & ~3u;
	}
	return false;
}

/* One of the ports above it may be where it was plugged in, by itself or with a box. */
static bool may_be_plugged_in(struct host *host, const struct device *device)
{
	const struct device *devices = host->judged.inventory.devices;

	while (!host->from_file && device->above != NO_DEVICE) {
		device = &devices[device->above];
		if (is_hot_plug_port(host, device))
			return true;
	}
	return false;
}

/* When it is bound, if that may not be at boot, or NULL. */
static const char *say_late(struct host *host, size_t index)
{
	const struct device *device = &host->judged.inventory.devices[index];

	if (plan_verdict(&host->judged.plan, index).kind != VERDICT_BIND)
		return NULL;
	if (device->is_virtual)
		return "not at boot, but when its physical function has made it";
	if (!may_be_plugged_in(host, device))
		return NULL;
	return "plugged in while its own driver is loaded, that may have it first, and it is "
	       "taken away from it under the guards";
}

static struct json_object *explain(struct host *host, size_t index)
{
	const struct device *device = &host->judged.inventory.devices[index];
	struct verdict verdict = plan_verdict(&host->judged.plan, index);
	struct json_object *object = json_object_new_object();
	struct json_object *rules = json_object_new_array();
	const char *late = say_late(host, index);
	char text[NAME_TEXT_SIZE], address[ADDRESS_SIZE], next[SENTENCE_SIZE];

	(void)address_format(device->address, address);
	json_add_string(object, "result", exit_word(EXIT_AS_CONFIGURED));
	json_add_string(object, "address", address);
	json_add_string(object, "class", device_class_text(device, text));
	json_add_format(object, "id", "%04x:%04x", device->vendor, device->device);
	json_add_string(object, "name", device_name(device, text));
	json_add_string(object, "verdict", verdict_token(verdict.kind));
	json_add_string(object, "reason", reason_token(verdict.reason));
	if (verdict.kind == VERDICT_BIND &&
	    !text_is(rule_at(host, verdict.rule)->driver, DRIVER_DEFAULT))
		json_add_text(object, "driver",
			      rule_driver(rule_at(host, verdict.rule), host->judged.steps, device));
	if (late)
		json_add_string(object, "late", late);
	for (size_t r = 0; r < host->judged.policy.rule_count; r++) {
		struct json_object *rule = explain_rule(host, r, index);

		if (rule)
			(void)json_object_array_add(rules, rule);
	}
	(void)json_object_object_add(object, "rules", rules);
	if (say_next_step(host, index, next)[0])
		json_add_string(object, "next", next);
	return object;
}

static void print_guards(struct json_object *guards)
{
	for (size_t i = 0; guards && i < json_object_array_length(guards); i++) {
		struct json_object *guard = json_object_array_get_idx(guards, i);
		const char *result = json_get_string(guard, "result");
		const char *detail = json_get_string(guard, "detail");

		(void)printf("    guard %-18s %s%s%s\n", json_get_string(guard, "guard"),
			     strcmp(result, "refuses") ? result : "REFUSES", detail[0] ? ": " : "",
			     detail);
	}
}

static void print_explanation(struct json_object *object)
{
	struct json_object *rules = json_object_object_get(object, "rules");
	const char *name = json_get_string(object, "name");

	(void)printf("%s %s %s%s%s: %s (%s)\n", json_get_string(object, "address"),
		     json_get_string(object, "class"), json_get_string(object, "id"),
		     name[0] ? " " : "", name, json_get_string(object, "verdict"),
		     json_get_string(object, "reason"));
	if (!json_object_array_length(rules))
		(void)puts("  no rule names it");
	for (size_t i = 0; i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);
		const char *detail = json_get_string(rule, "detail");

		(void)printf("  %s  %s\n    %s%s%s\n", json_get_string(rule, "rule"),
			     json_get_string(rule, "text"), json_get_string(rule, "relation"),
			     detail[0] ? ": " : "", detail);
		print_guards(json_object_object_get(rule, "guards"));
	}
	if (json_get_string(object, "driver")[0])
		(void)printf("  driver: %s\n", json_get_string(object, "driver"));
	if (json_get_string(object, "late")[0])
		(void)printf("  late: %s\n", json_get_string(object, "late"));
	if (json_get_string(object, "next")[0])
		(void)printf("  next: %s\n", json_get_string(object, "next"));
}

int command_explain(struct options *options, int argc, char *argv[])
{
	static const struct arguments one_address = { .min = 1, .max = 1, .usage = "ADDRESS" };
	int code = arguments_take(options, &one_address, argc, argv);
	struct json_object *object;
	struct host *host;
	size_t index;

	if (code >= 0)
		return code;
	host = host_read(options, AT_BOOT, &code);
	if (!host)
		return code;
	mistakes_print(&host->mistakes);
	if (host->mistakes.diag.mistakes)
		code = mistakes_code(&host->mistakes);
	else
		code = host_find(host, argv[optind], &index);
	if (code == EXIT_AS_CONFIGURED)
		code = host_read_all(host);
	if (code == EXIT_AS_CONFIGURED) {
		object = explain(host, index);
		if (options->json)
			json_print(object);
		else
			print_explanation(object);
		(void)json_object_put(object);
	}
	host_free(host);
	return code;
}
