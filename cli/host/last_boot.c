/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "last_boot.h"

#include "report.h"

#include <string.h>

static const char *const dirs[] = { RUN_DIR, DEV_DIR };

static char report[DEVICE_MAX * 256];

/* The place of the report that is there, or NULL; text gets what it says. */
static const char *read_report(struct machine *machine, struct text *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[MACHINE_PATH_SIZE];
		ssize_t len;

		(void)join(path, sizeof(path), dirs[i], REPORT_NAME, "");
		len = machine_read(machine, path, report, sizeof(report));
		*text = (struct text){ report, len > 0 ? (size_t)len : 0 };
		if (len >= 0)
			return dirs[i];
	}
	return NULL;
}

static enum verdict_kind parse_verdict(struct text token)
{
	static const enum verdict_kind kinds[] = { VERDICT_BIND, VERDICT_KEEP, VERDICT_REFUSE };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (text_is(token, verdict_token(kinds[i])))
			return kinds[i];
	return VERDICT_NONE;
}

/* Of a verdict. REASON_NONE for a word that only another version of the binder knows. */
static enum reason parse_reason(struct text token)
{
	for (enum reason reason = REASON_RULE; reason <= GUARD_LAST; reason++)
		if (text_is(token, reason_token(reason)))
			return reason;
	return REASON_NONE;
}

/* Takes "late" off the front of a detail: see report_append(). */
static bool take_late(struct text *detail)
{
	struct text rest = *detail, first;

	if (!text_cut(&rest, ';', &first) || !text_is(first, "late"))
		return false;
	while (take_byte(&rest, ' '))
		;
	*detail = rest.at ? rest : text_of("");
	return true;
}

/* address verdict reason rule driver-before driver-after detail */
static void take_row(struct last_boot *last, const struct inventory *inventory, struct text line)
{
	struct text columns[7] = { 0 };
	struct address address;
	size_t index = NO_DEVICE;
	bool late;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (!text_cut(&line, '\t', &columns[i]))
			return;
	if (address_parse(columns[0], &address))
		index = inventory_find(inventory, address);
	late = take_late(&columns[6]);
	/* A rule that binds nothing may name the place of a device too. */
	if (index == NO_DEVICE || parse_verdict(columns[1]) == VERDICT_NONE)
		return;
	last->rows[index] = (struct last_row){
		.verdict = parse_verdict(columns[1]),
		.reason = parse_reason(columns[2]),
		.rule = columns[3],
		.detail = columns[6],
		.late = late,
	};
}

/* True if the note begins with that word; note gets what is behind it. */
static bool take_word(struct text *note, const char *word)
{
	struct text rest = *note, first;

	if (!text_cut(&rest, ' ', &first) || !text_is(first, word))
		return false;
	*note = rest;
	return true;
}

/* Notes after which all is as if we had not been there: see binder/main.c. */
static bool is_idle(struct text note)
{
	return text_is(note, "off") || text_is(note, "dry-run") || text_is(note, "no rules") ||
	       text_is(note, "the policy is in error") || text_is(note, NOTE_TRIAL_FAILED) ||
	       text_is(note, NOTE_TRIAL_UNKNOWN) || text_is(note, "the machine could not be read");
}

/* "# NOTE", unless it has a tab as the line that names the columns. */
static bool parse_note(struct text line, struct text *note)
{
	if (line.len < 2 || line.at[0] != '#' || memchr(line.at, '\t', line.len))
		return false;
	*note = (struct text){ line.at + 2, line.len - 2 };
	return true;
}

static void take_note(struct last_boot *last, struct text note)
{
	struct text rest = note;

	if (take_word(&rest, "boot-display") || take_word(&rest, "given-back") ||
	    take_word(&rest, "trial"))
		return; /* last_boot_picture(); a line of the kernel log; the EFI variable */
	if (text_is(note, "ids dropped")) {
		last->ids_dropped = true;
		return;
	}
	last->idle |= is_idle(note);
	if (note.len >= sizeof(last->note))
		return;
	memcpy(last->note, note.at, note.len);
	last->note[note.len] = '\0';
}

/* The copy is what load_policy() read then, byte for byte, so it compares to what it read now. */
static bool policy_differs(struct host *host, const char *dir)
{
	static char copy[sizeof(host->judged.policy_text.buffer) + 1];
	struct text now = { host->judged.policy_text.buffer, host->judged.policy_text.len };
	char path[MACHINE_PATH_SIZE];
	ssize_t len;

	(void)join(path, sizeof(path), dir, POLICY_NAME, "");
	len = machine_read(&host->judged.machine, path, copy, sizeof(copy));
	return len < 0 || !text_equal(now, (struct text){ copy, (size_t)len });
}

void last_boot_read(struct last_boot *last, struct host *host)
{
	struct text text, line, note;
	const char *dir;

	memset(last, 0, sizeof(*last));
	if (host->from_file)
		return;
	dir = read_report(&host->judged.machine, &text);
	if (!dir)
		return;
	last->found = true;
	while (text_cut(&text, '\n', &line)) {
		if (parse_note(line, &note))
			take_note(last, note);
		else
			take_row(last, &host->judged.inventory, line);
	}
	/* A boot that did not come to the policy left an empty copy of it. */
	last->policy_differs = strcmp(last->note, "off") != 0 &&
			       strcmp(last->note, "the machine could not be read") != 0 &&
			       policy_differs(host, dir);
}

/* `boot-display ADDRESS firmware`; the other kinds of evidence can be looked at any time. */
static bool names_picture(struct text note, struct address *address)
{
	struct text name;

	return take_word(&note, "boot-display") && text_cut(&note, ' ', &name) &&
	       text_is(note, "firmware") && address_parse(name, address);
}

size_t last_boot_picture(struct machine *machine, const struct inventory *inventory)
{
	struct text text, line, note;
	struct address address;

	if (!read_report(machine, &text))
		return NO_DEVICE;
	while (text_cut(&text, '\n', &line))
		if (parse_note(line, &note) && names_picture(note, &address))
			return inventory_find(inventory, address);
	return NO_DEVICE;
}
