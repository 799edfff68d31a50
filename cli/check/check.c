/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio-bind check: what is wrong, what will happen at the next boot, and what to do. */
#include "check.h"

#include "base/arguments.h"
#include "base/table.h"
#include "facts.h"
#include "host/read_host.h"
#include "show/row_json.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>

static const struct table_column columns[] = {
	{ "ADDRESS", "address", 14, 0, SHOW_ALWAYS },
	{ "CLASS", "class", 5, 0, SHOW_ALWAYS },
	{ "ID", "id", 9, 0, SHOW_ALWAYS },
	{ "NAME", "name", 4, SCOLS_FL_TRUNC, SHOW_ROOMY },
	{ "DRIVER", "driver", 8, 0, SHOW_ALWAYS },
	{ "NEXT", "driver_next", 8, 0, SHOW_ALWAYS },
	{ "RULE", "rule", 0.2, 0, SHOW_ALWAYS },
	{ "NOTE", "note", 0.25, SCOLS_FL_WRAP, SHOW_ALWAYS },
	{ "VERDICT", "verdict", 7, 0, SHOW_ASKED },
	{ "REASON", "reason", 8, 0, SHOW_ASKED },
};

static const struct table plan_table = { .columns = columns, .count = ARRAY_SIZE(columns) };

/* The groups of all devices, as a decision asks only for those of chosen ones. */
static bool read_groups(struct host *host)
{
	return host->from_file || !facts_read_all(&host->judged.machine, &host->judged.inventory,
						  FACT_GROUP, &host->judged.claims);
}

static void check_mistakes(struct findings *findings)
{
	unsigned mistakes = findings->host->mistakes.diag.mistakes;
	struct finding *finding;

	if (!mistakes)
		return;
	if (findings->host->mistakes.diag.denied) {
		finding = finding_add(findings, SEVERITY_UNKNOWN, "policy",
				      "the policy may not be read: nobody can say what it binds");
		finding_advise(finding, "run check as root");
		return;
	}
	finding = finding_add(findings, SEVERITY_ERROR, "policy",
			      "the policy has %u mistake%s; nothing would be bound", mistakes,
			      mistakes > 1 ? "s" : "");
	finding_advise(finding, "correct each line that is named, and check again");
}

/* What only the machine itself can tell. */
static void check_machine(struct findings *findings)
{
	struct finding *finding;

	check_devices(findings);
	if (!findings->host->from_file) {
		check_generators(findings);
		check_images(findings);
		check_trial(findings);
		return;
	}
	finding =
		finding_add(findings, SEVERITY_UNKNOWN, "machine",
			    "a machine file does not hold modprobe.d, driverctl, images, kernels, "
			    "reserved regions, reset methods and interrupt remapping");
	finding_advise(finding, "run check on the machine itself to know of them");
}

static void check_all(struct findings *findings)
{
	if (!read_groups(findings->host))
		(void)finding_unreadable(findings, "group", findings->host->judged.machine.failed,
					 -EIO);
	check_mistakes(findings);
	check_iommu(findings);
	check_guards(findings);
	check_rules(findings);
	check_virtual(findings);
	check_conflicts(findings);
	check_machine(findings);
}

static size_t count_verdicts(const struct host *host, enum verdict_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < host->judged.plan.selected_count; i++)
		count += plan_verdict(&host->judged.plan, host->judged.plan.selected[i]).kind ==
			 kind;
	return count;
}

static enum exit_code judge(const struct findings *findings, bool strict)
{
	const struct host *host = findings->host;

	if (host->mistakes.diag.mistakes)
		return mistakes_code(&host->mistakes);
	if (count_verdicts(host, VERDICT_REFUSE))
		return EXIT_GUARDED;
	if (findings->counts[SEVERITY_ERROR])
		return EXIT_FAILED;
	if (findings->pending)
		return EXIT_PENDING;
	if (strict && findings->counts[SEVERITY_WARNING])
		return EXIT_WARNINGS;
	if (!policy_says_anything(&host->judged.policy))
		return EXIT_NOT_CONFIGURED;
	return EXIT_AS_CONFIGURED;
}

/* How many the image that boots next will bind, and so on; where nobody knows, as /etc wants it. */
static size_t count_next(const struct findings *findings, enum verdict_kind kind)
{
	const struct image_model *forecast = findings->images->forecast;
	size_t count = 0;

	if (images_are_right(findings->images))
		return count_verdicts(findings->host, kind);
	for (size_t i = 0; i < forecast->count; i++)
		count += forecast->rows[i].done.kind == kind;
	return count;
}

/* Those that are bound, but not at boot. */
static size_t count_late(const struct host *host)
{
	const struct plan *plan = &host->judged.plan;
	size_t count = 0;

	for (size_t i = 0; i < plan->selected_count; i++)
		count += host->judged.inventory.devices[plan->selected[i]].is_virtual &&
			 plan_verdict(plan, plan->selected[i]).kind == VERDICT_BIND;
	return count;
}

static void print_summary(const struct findings *findings)
{
	const struct host *host = findings->host;
	char late[48] = "";

	if (host->mistakes.diag.mistakes)
		return;
	if (images_are_right(findings->images) && count_late(host))
		(void)snprintf(late, sizeof(late), " (%zu of them late)", count_late(host));
	if (!host->judged.policy.rule_count) {
		(void)puts("no rule in /" POLICY_FILE ", /" POLICY_DIR " or /" VENDOR_DIR
			   ": nothing is bound");
		return;
	}
	(void)printf("next boot%s: %zu bound%s, %zu refused, %zu kept; %u error%s, %u warning%s\n",
		     images_are_right(findings->images) ? "" : ", by the image there is",
		     count_next(findings, VERDICT_BIND), late, count_next(findings, VERDICT_REFUSE),
		     count_next(findings, VERDICT_KEEP), findings->counts[SEVERITY_ERROR],
		     findings->counts[SEVERITY_ERROR] == 1 ? "" : "s",
		     findings->counts[SEVERITY_WARNING],
		     findings->counts[SEVERITY_WARNING] == 1 ? "" : "s");
}

static const char *const keys[] = {
	"address",     "class",   "id",     "name", "driver",
	"driver_next", "verdict", "reason", "rule", "with",
};

/* How it came to be in the plan. */
static struct json_object *plan_note(const struct device_row *row)
{
	char address[ADDRESS_SIZE];

	if (row->leader != NO_DEVICE) {
		(void)address_format(row->view->host->judged.inventory.devices[row->leader].address,
				     address);
		return json_format("goes with %s", address);
	}
	if (row->verdict.kind == VERDICT_REFUSE)
		return json_format("refused: %s", reason_token(row->verdict.reason));
	if (text_is(row->driver_next, NEXT_LATE))
		return json_object_new_string("not at boot, but when its physical function has "
					      "made it");
	return json_object_new_string(row->verdict.kind == VERDICT_KEEP ? "kept" : "");
}

/* Of each device that a rule selects. */
static struct json_object *plan_rows(struct view *view)
{
	const struct plan *plan = &view->host->judged.plan;
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < plan->selected_count; i++) {
		struct json_object *object;
		struct device_row row;

		device_row(view, plan->selected[i], &row);
		object = row_json(&row, keys, ARRAY_SIZE(keys));
		(void)json_object_object_add(object, "note", plan_note(&row));
		(void)json_object_array_add(rows, object);
	}
	return rows;
}

static int print_text(const struct findings *findings, struct json_object *rows,
		      const struct options *options)
{
	int code = EXIT_AS_CONFIGURED;

	findings_print(findings);
	if (json_object_array_length(rows))
		code = table_print(&plan_table, rows, options);
	print_summary(findings);
	return code;
}

static void print_json(const struct findings *findings, struct json_object *rows,
		       enum exit_code code)
{
	struct json_object *object = json_object_new_object();

	json_add_string(object, "result", exit_word(code));
	(void)json_object_object_add(object, "mistakes", mistakes_json(&findings->host->mistakes));
	(void)json_object_object_add(object, "findings", findings_json(findings));
	(void)json_object_object_add(object, "plan", json_object_get(rows));
	json_print(object);
	(void)json_object_put(object);
}

static int check(struct host *host, const struct options *options, bool strict)
{
	struct view *view = view_of_plan(host);
	struct findings findings = { .host = host, .images = &view->images };
	struct json_object *rows = plan_rows(view);
	int printed = EXIT_AS_CONFIGURED;
	enum exit_code code;

	check_all(&findings);
	code = judge(&findings, strict);
	mistakes_print(&host->mistakes); /* with which the findings begin */
	if (options->json)
		print_json(&findings, rows, code);
	else
		printed = print_text(&findings, rows, options);
	(void)json_object_put(rows);
	findings_free(&findings);
	return printed == EXIT_AS_CONFIGURED ? (int)code : printed;
}

int command_check(struct options *options, int argc, char *argv[])
{
	static const struct option own[] = { { "strict", no_argument, NULL, 's' } };
	bool strict = false;
	const struct arguments arguments = {
		.own = own,
		.own_count = ARRAY_SIZE(own),
		.take = arguments_flag,
		.table = &plan_table,
		.context = &strict,
		.usage = "[--strict]",
	};
	int code = arguments_take(options, &arguments, argc, argv);
	struct host *host;

	if (code >= 0)
		return code;
	host = host_read(options, AT_BOOT, &code);
	if (!host)
		return code;
	code = check(host, options, strict);
	host_free(host);
	return code;
}
