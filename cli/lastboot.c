/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lastboot.h"

#include "lines.h"
#include "report.h"

#include <string.h>

static enum verdict_kind parse_verdict(struct text token)
{
	static const enum verdict_kind kinds[] = { VERDICT_BIND, VERDICT_KEEP, VERDICT_REFUSE };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_is(token, verdict_token(kinds[i])))
			return kinds[i];
	return VERDICT_NONE;
}

static void take_row(struct last_boot *last, const struct inventory *inventory, struct text line)
{
	struct address address;
	struct text name, verdict;
	size_t index = NO_DEVICE;

	if (text_cut(&line, '\t', &name) && address_parse(name, &address))
		index = inventory_find(inventory, address);
	if (index != NO_DEVICE && text_cut(&line, '\t', &verdict))
		last->verdicts[index] = parse_verdict(verdict);
}

static void take_note(struct last_boot *last, struct text line)
{
	if (line.len < 2 || line.len - 2 >= sizeof(last->note) || memchr(line.at, '\t', line.len))
		return; /* the line that names the columns */
	memcpy(last->note, line.at + 2, line.len - 2);
	last->note[line.len - 2] = '\0';
}

static bool read_report(struct last_boot *last, struct host *host, const char *path)
{
	static struct lines lines;
	struct text line;
	int err;

	if (lines_open(&lines, &host->boot.machine, path))
		return false;
	while (lines_next(&lines, &line, &err)) {
		if (line.len && line.at[0] == '#')
			take_note(last, line);
		else
			take_row(last, &host->boot.inventory, line);
	}
	lines_close(&lines);
	return true;
}

/* The copy is what load_policy() read then, byte for byte, so it compares to what it read now. */
static bool policy_differs(struct host *host, const char *path)
{
	static char copy[sizeof(host->boot.policy_text.buffer) + 1];
	ssize_t len = machine_read(&host->boot.machine, path, copy, sizeof(copy));
	struct text now = { host->boot.policy_text.buffer, host->boot.policy_text.len };

	return len < 0 || !text_equal(now, (struct text){ copy, (size_t)len });
}

void last_boot_read(struct last_boot *last, struct host *host)
{
	memset(last, 0, sizeof(*last));
	if (host->from_file)
		return;
	if (read_report(last, host, RUN_DIR REPORT_NAME)) {
		last->found = true;
		last->policy_differs = policy_differs(host, RUN_DIR POLICY_NAME);
	} else if (read_report(last, host, DEV_DIR REPORT_NAME)) {
		last->found = true;
		last->policy_differs = policy_differs(host, DEV_DIR POLICY_NAME);
	}
}

enum state device_state(const struct host *host, const struct last_boot *last, size_t index)
{
	struct verdict verdict = plan_verdict(&host->boot.plan, index);
	struct text now = text_of(host->drivers[index]);
	bool was_bound = last->found && last->verdicts[index] == VERDICT_BIND;

	if (verdict.kind == VERDICT_REFUSE)
		return STATE_REFUSED;
	if (verdict.kind == VERDICT_BIND) {
		if (text_equal(host->boot.policy.rules[verdict.rule].driver, now))
			return STATE_VFIO;
		return was_bound && !last->policy_differs ? STATE_DRIFT : STATE_PENDING;
	}
	if (!driver_is_passthrough(now))
		return STATE_HOST;
	if (!was_bound)
		return STATE_FOREIGN;
	return last->policy_differs ? STATE_PENDING : STATE_DRIFT;
}

const char *state_name(enum state state)
{
	switch (state) {
	case STATE_HOST:
		return "host";
	case STATE_VFIO:
		return "vfio";
	case STATE_PENDING:
		return "pending";
	case STATE_DRIFT:
		return "drift";
	case STATE_REFUSED:
		return "refused";
	case STATE_FOREIGN:
		return "foreign";
	}
	return "?";
}
