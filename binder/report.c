/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include "apply.h"
#include "format.h"
#include "lines.h"
#include "log.h"
#include "out.h"
#include "override_gate.h"
#include "tune.h"

#include <errno.h>
#include <unistd.h>

const char *step_name(enum step step)
{
	switch (step) {
	case STEP_READ:
		return "read";
	case STEP_GIVE_BACK:
		return "give back";
	case STEP_OVERRIDE:
		return "driver_override";
	case STEP_TUNE:
		return "tune";
	case STEP_UNBIND:
		return "unbind";
	case STEP_LOAD:
		return "load";
	case STEP_BIND:
		return "bind";
	case STEP_DONE:
		return "done";
	}
	return "?";
}

static const struct rule *rule_at(const struct boot *boot, size_t rule)
{
	return &boot->judged->policy.rules[rule];
}

void report_failure(const struct boot *boot, size_t index, char out[FAILURE_SIZE])
{
	const struct outcome *outcome = &boot->outcomes[index];
	bool gated = boot->gate[0] && override_is_refused(outcome);

	out[0] = '\0';
	if (boot->dry_run || outcome_is_good(boot, index))
		return;
	if (outcome->hung || outcome->died)
		(void)format(out, FAILURE_SIZE, "%s: %s", outcome->hung ? "hung" : "died",
			     step_name(outcome->step));
	else if (outcome->err && outcome->step == STEP_LOAD)
		(void)format(out, FAILURE_SIZE, "failed: its driver is not there%s%s",
			     outcome->after[0] ? "; it stays with " : "", outcome->after);
	else if (outcome->err)
		(void)format(out, FAILURE_SIZE, "failed: %s: %s%s%s%s", step_name(outcome->step),
			     error_name(outcome->err), gated ? "; this " OVERRIDE_GATED ": " : "",
			     gated ? boot->gate : "", gated ? " lifts that" : "");
	else
		(void)format(out, FAILURE_SIZE, "failed: its driver is %s",
			     outcome->after[0] ? outcome->after : "none");
}

/* "ADDRESS" for a companion's leader, or an empty text. */
static void leader_of(const struct boot *boot, size_t index, char out[ADDRESS_SIZE])
{
	out[0] = '\0';
	if (plan_verdict(&boot->judged->plan, index).reason == REASON_COMPANION)
		(void)address_format(
			boot->judged->inventory.devices[boot->judged->plan.tallies[index].with]
				.address,
			out);
}

static bool unmet(const struct rule_result *result)
{
	return result->reason == REASON_COUNT || result->reason == REASON_DSN ||
	       result->reason == REASON_REQUIRED;
}

enum status report_status(const struct boot *boot)
{
	enum status status = STATUS_DONE;

	if (boot->judged->diag.mistakes)
		return STATUS_POLICY;
	if (!boot->decided)
		return STATUS_MACHINE;
	if (boot->not_given_back)
		status = STATUS_REFUSED;
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++) {
		size_t index = boot->judged->plan.selected[i];
		enum verdict_kind kind = plan_verdict(&boot->judged->plan, index).kind;

		if (kind == VERDICT_REFUSE ||
		    (kind == VERDICT_BIND && !boot->dry_run && !outcome_is_good(boot, index)))
			status = STATUS_REFUSED;
	}
	for (size_t r = 0; !boot->is_late && r < boot->judged->policy.rule_count; r++)
		if (unmet(&boot->judged->plan.results[r]))
			status = STATUS_REFUSED;
	return status;
}

static void log_bind(const struct boot *boot, size_t index, const struct rule *rule)
{
	char address[ADDRESS_SIZE], leader[ADDRESS_SIZE], failure[FAILURE_SIZE];
	struct text driver = driver_for(boot, index);
	char tuning[TUNING_SIZE];

	(void)address_format(boot->judged->inventory.devices[index].address, address);
	leader_of(boot, index, leader);
	report_failure(boot, index, failure);
	if (failure[0])
		log_line(LEVEL_ERROR, "%s %s (%.*s:%u)", address, failure, (int)rule->file.len,
			 rule->file.at, rule->line);
	else
		log_line(LEVEL_INFO, "%s %s %.*s%s%s (%.*s:%u)", address,
			 boot->dry_run ? "would be bound to" : "bound to", (int)driver.len,
			 driver.at, leader[0] ? ", goes with " : "", leader, (int)rule->file.len,
			 rule->file.at, rule->line);
	tuning_text(boot, index, tuning);
	if (tuning[0])
		log_line(LEVEL_WARNING, "%s %s (%.*s:%u)", address, tuning, (int)rule->file.len,
			 rule->file.at, rule->line);
}

static void log_device(const struct boot *boot, size_t index)
{
	struct verdict verdict = plan_verdict(&boot->judged->plan, index);
	const struct rule *rule = rule_at(boot, verdict.rule);
	char address[ADDRESS_SIZE];

	(void)address_format(boot->judged->inventory.devices[index].address, address);
	switch (verdict.kind) {
	case VERDICT_NONE:
		break;
	case VERDICT_BIND:
		log_bind(boot, index, rule);
		break;
	case VERDICT_KEEP:
		log_line(LEVEL_INFO, "%s kept with the host (%.*s:%u)", address,
			 (int)rule->file.len, rule->file.at, rule->line);
		break;
	case VERDICT_REFUSE:
		log_line(LEVEL_ERROR, "%s refused: %s (%.*s:%u)", address,
			 reason_text(verdict.reason), (int)rule->file.len, rule->file.at,
			 rule->line);
		break;
	}
}

/* What rule_detail() goes by. */
static struct decision decision_of(const struct boot *boot)
{
	return (struct decision){ .policy = &boot->judged->policy,
				  .inventory = &boot->judged->inventory,
				  .plan = &boot->judged->plan };
}

static enum level level_of(const struct rule_result *result)
{
	if (unmet(result))
		return LEVEL_ERROR;
	return result->late ? LEVEL_INFO : LEVEL_WARNING;
}

void report_log(struct boot *boot)
{
	const struct decision decision = decision_of(boot);

	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		log_device(boot, boot->judged->plan.selected[i]);
	if (boot->is_late)
		return; /* of the rules the boot's pass has told */
	if (boot->judged->inventory.slots_left_out)
		log_line(LEVEL_WARNING, "there are more than 1024 slots: slot= finds no others");
	for (size_t r = 0; r < boot->judged->policy.rule_count; r++) {
		const struct rule_result *result = &boot->judged->plan.results[r];
		const struct rule *rule = rule_at(boot, r);
		char detail[RULE_DETAIL_SIZE];

		if (result->reason == REASON_NONE)
			continue;
		(void)rule_detail(&decision, r, detail);
		log_line(level_of(result), "%.*s:%u %s: %s%s%s", (int)rule->file.len, rule->file.at,
			 rule->line, rule_does_nothing(rule), reason_text(result->reason),
			 detail[0] ? ": " : "", detail);
	}
}

static void put_group_shared(struct out *out, const struct boot *boot, size_t index,
			     const char *between)
{
	const struct inventory *inventory = &boot->judged->inventory;
	const char *before = "group-shared ";
	size_t other = 0;

	while ((other = plan_group_shared(&boot->judged->plan, inventory, index, other)) !=
	       NO_DEVICE) {
		char address[ADDRESS_SIZE];

		(void)address_format(inventory->devices[other++].address, address);
		out_format(out, "%s%s%s", between, before, address);
		between = "";
		before = ",";
	}
}

static void put_detail(struct out *out, const struct boot *boot, size_t index,
		       enum verdict_kind kind)
{
	const struct claims *claims = &boot->judged->claims;
	char leader[ADDRESS_SIZE], failure[FAILURE_SIZE], tuning[TUNING_SIZE];
	const char *between = "";

	if (boot->is_late) {
		out_format(out, "late");
		between = "; ";
	}
	if (kind == VERDICT_REFUSE && claims->refused.device == index &&
	    plan_verdict(&boot->judged->plan, index).reason == REASON_IN_USE)
		out_format(out, "%s%s", between, claims->refused.disk);
	if (kind != VERDICT_BIND)
		return;
	leader_of(boot, index, leader);
	report_failure(boot, index, failure);
	if (failure[0]) {
		out_format(out, "%s%s", between, failure);
		between = "; ";
	}
	if (leader[0]) {
		out_format(out, "%sgoes with %s", between, leader);
		between = "; ";
	}
	tuning_text(boot, index, tuning);
	if (tuning[0]) {
		out_format(out, "%s%s", between, tuning);
		between = "; ";
	}
	put_group_shared(out, boot, index, between);
}

static const char *or_dash(const char *name)
{
	return name[0] ? name : "-";
}

static void put_device(struct out *out, const struct boot *boot, size_t index)
{
	struct verdict verdict = plan_verdict(&boot->judged->plan, index);
	const struct rule *rule = rule_at(boot, verdict.rule);
	const struct device *device = &boot->judged->inventory.devices[index];
	const char *after = device->driver;
	char address[ADDRESS_SIZE];

	if (boot->outcomes[index].given_back || (verdict.kind == VERDICT_BIND && !boot->dry_run))
		after = boot->outcomes[index].read_back ? boot->outcomes[index].after : "?";
	(void)address_format(device->address, address);
	out_format(out, "%s\t%s\t%s\t%.*s:%u\t%s\t%s\t", address, verdict_token(verdict.kind),
		   reason_token(verdict.reason), (int)rule->file.len, rule->file.at, rule->line,
		   or_dash(device->driver), or_dash(after));
	put_detail(out, boot, index, verdict.kind);
	out_format(out, "\n");
}

/* The address a rule names, or that of what stands where it points. */
static void rule_address(const struct boot *boot, size_t r, char out[ADDRESS_SIZE])
{
	const struct rule *rule = rule_at(boot, r);
	const struct rule_result *result = &boot->judged->plan.results[r];

	(void)join(out, ADDRESS_SIZE, "-", "", "");
	if (result->stands != NO_DEVICE)
		(void)address_format(boot->judged->inventory.devices[result->stands].address, out);
	else if (rule_has(rule, SELECT_ADDRESS))
		(void)address_format(
			boot->judged->policy.values[rule->select[SELECT_ADDRESS].first].address.at,
			out);
}

static void put_finding(struct out *out, const struct boot *boot, size_t r)
{
	const struct rule *rule = rule_at(boot, r);
	const struct rule_result *result = &boot->judged->plan.results[r];
	const struct decision decision = decision_of(boot);
	char address[ADDRESS_SIZE], detail[RULE_DETAIL_SIZE];

	rule_address(boot, r, address);
	out_format(out, "%s\tnone\t%s\t%.*s:%u\t-\t-\t", address, reason_token(result->reason),
		   (int)rule->file.len, rule->file.at, rule->line);
	(void)rule_detail(&decision, r, detail);
	out_format(out, "%s\n", detail);
}

/* True if something was not read that could tell which device shows the picture. */
static bool misses_evidence(const struct inventory *inventory)
{
	unsigned missing = FACT_FRAMEBUFFER & ~inventory->known;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct device *device = &inventory->devices[i];

		if (device_has_base_class(device, CLASS_BASE_DISPLAY))
			missing |= display_facts(device) & (unsigned)~device->known;
	}
	return missing;
}

/* For the host program: once a DRM driver has the screen, the firmware's framebuffer is gone. */
static void put_evidence(struct out *out, const struct inventory *inventory)
{
	static const char kinds[][12] = {
		[EVIDENCE_FIRMWARE] = "firmware",
		[EVIDENCE_BOOT_VGA] = "boot_vga",
		[EVIDENCE_ONLY_SCREEN] = "only-screen",
	};
	enum evidence evidence = display_evidence(inventory);

	if (evidence != EVIDENCE_FIRMWARE && misses_evidence(inventory))
		return;
	if (evidence == EVIDENCE_NONE)
		out_format(out, "# boot-display - none\n");
	for (size_t i = 0; i < inventory->count; i++) {
		char address[ADDRESS_SIZE];

		if (display_picture(evidence, inventory, i) != PICTURE_YES ||
		    display_head(inventory, i, 0) < i) /* once for all heads of a card */
			continue;
		(void)address_format(inventory->devices[i].address, address);
		out_format(out, "# boot-display %s %s\n", address, kinds[evidence]);
	}
}

static void put_given_back(struct out *out, const struct boot *boot)
{
	for (size_t i = 0; i < boot->judged->inventory.count; i++) {
		char address[ADDRESS_SIZE];

		if (!boot->outcomes[i].given_back)
			continue;
		(void)address_format(boot->judged->inventory.devices[i].address, address);
		out_format(out, "# given-back %s\n", address);
	}
}

static const char header[] =
	"# address\tverdict\treason\trule\tdriver-before\tdriver-after\tdetail\n";

static void put_report(struct out *out, const struct boot *boot, const char *note)
{
	out_format(out, "%s", header);
	if (note)
		out_format(out, "# %s\n", note);
	if (boot->dry_run)
		out_format(out, "# dry-run\n");
	if (boot->trial.policy[0])
		out_format(out, "# trial %u\n", boot->trial.boots);
	if (boot->ids_dropped)
		out_format(out, "# ids dropped\n");
	if (!boot->decided)
		return;
	put_evidence(out, &boot->judged->inventory);
	put_given_back(out, boot);
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		put_device(out, boot, boot->judged->plan.selected[i]);
	for (size_t r = 0; r < boot->judged->policy.rule_count; r++)
		if (boot->judged->plan.results[r].reason != REASON_NONE)
			put_finding(out, boot, r);
}

int report_write(struct boot *boot, const char *dir, const char *note)
{
	static struct out out;
	struct judgement *judged = boot->judged;
	int err = machine_mkdir(&judged->machine, dir);

	if (err)
		return err;
	out_create(&out, &judged->machine, dir, REPORT_NAME);
	put_report(&out, boot, note);
	err = out_commit(&out, 0);
	if (err)
		return err;
	out_create(&out, &judged->machine, dir, POLICY_NAME);
	out_text(&out, (struct text){ judged->policy_text.buffer, judged->policy_text.len });
	return out_commit(&out, 0);
}

/* True if the line is about a device that the pass tells of anew. */
static bool is_told_anew(const struct boot *boot, struct text line)
{
	const struct plan *plan = &boot->judged->plan;
	struct address address;
	struct text name;
	bool anew = false;

	if (!text_cut(&line, '\t', &name) || !address_parse(name, &address))
		return false;
	for (size_t i = 0; i < plan->selected_count; i++)
		anew |= address_equal(address,
				      boot->judged->inventory.devices[plan->selected[i]].address);
	return anew;
}

/* Copies what is told already. A report that is not there is begun. */
static int copy_report(struct out *out, const struct boot *boot, struct machine *machine,
		       const char *path)
{
	static struct lines lines;
	struct text line;
	int err = lines_open(&lines, machine, path);

	if (err == -ENOENT) /* the boot's pass was before there was a /run to keep */
		err = lines_open(&lines, machine, DEV_DIR REPORT_NAME);
	if (err == -ENOENT)
		out_format(out, "%s", header);
	if (err)
		return err == -ENOENT ? 0 : err;
	while (lines_next(&lines, &line, &err))
		if (!is_told_anew(boot, line)) {
			out_text(out, line);
			out_text(out, text_of("\n"));
		}
	lines_close(&lines);
	return err;
}

int report_append(struct boot *boot, const char *dir)
{
	static struct out out;
	struct machine *machine = &boot->judged->machine;
	int err;

	if (!boot->judged->plan.selected_count)
		return 0;
	err = machine_mkdir(machine, dir);
	if (err)
		return err;
	out_create(&out, machine, dir, REPORT_NAME);
	err = copy_report(&out, boot, machine, out.path);
	for (size_t i = 0; i < boot->judged->plan.selected_count; i++)
		put_device(&out, boot, boot->judged->plan.selected[i]);
	return out_commit(&out, err);
}
