/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mistakes.h"

#include <stdlib.h>

struct collector {
	struct diag diag;
	struct json_object *list;
};

static void collect(struct diag *diag, const struct mistake *mistake)
{
	struct collector *collector = (struct collector *)diag;
	struct json_object *object = json_object_new_object();

	json_add_text(object, "file", mistake->file);
	(void)json_object_object_add(object, "line", json_object_new_int((int)mistake->line));
	(void)json_object_object_add(object, "column", json_object_new_int((int)mistake->column));
	json_add_string(object, "expected", mistake->expected);
	json_add_text(object, "text", mistake->source);
	(void)json_object_array_add(collector->list, object);
}

struct json_object *mistakes_array(struct host *host)
{
	struct collector collector = { { collect, 0 }, json_object_new_array() };
	struct text cmdline = text_of(host->judged.cmdline);
	struct policy_text *text;
	struct policy *policy;

	if (!host->judged.diag.mistakes)
		return collector.list;
	text = calloc(1, sizeof(*text));
	policy = calloc(1, sizeof(*policy));
	if (text && policy && load_policy(&host->judged.machine, text, policy, &collector.diag))
		(void)cmdline_rules(cmdline, &host->judged.words, policy, &collector.diag);
	free(text);
	free(policy);
	return collector.list;
}
