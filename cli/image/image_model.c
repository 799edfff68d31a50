/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_model.h"

#include "base/complain.h"
#include "entry_words.h"
#include "host/kernel_variants.h"
#include "host/noiommu.h"
#include "host/read_host.h"
#include "image_policy.h"
#include "variant.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINDER_PATH        "/usr/lib/vfio-bind/binder"
#define CMDLINE_WHERE_SIZE (NAME_SIZE * 2 + 8)

struct modelling {
	struct image_model *model;
	const struct image_parts *parts;
	const struct image_tree *image;
	const char *cmdline;            /* that it boots with, or NULL: that of now */
	char where[CMDLINE_WHERE_SIZE]; /* that is */
	const struct host *host;        /* as /etc wants it */
	struct host *boot;              /* as the image will have it */
};

/* Adds to what there is to say; the worst kind counts. */
__attribute__((format(printf, 3, 4))) static void amiss(struct modelling *m, enum finding_kind kind,
							const char *how, ...)
{
	char *out = m->model->detail;
	size_t len = strlen(out);
	va_list arguments;

	if (kind > m->model->kind)
		m->model->kind = kind;
	if (len + 128 > MODEL_DETAIL_SIZE) {
		if (len && out[len - 1] != '.')
			(void)snprintf(out + len, MODEL_DETAIL_SIZE - len, "; ...");
		return;
	}
	if (len)
		len += (size_t)snprintf(out + len, MODEL_DETAIL_SIZE - len, "; ");
	va_start(arguments, how);
	(void)vsnprintf(out + len, MODEL_DETAIL_SIZE - len, how, arguments);
	va_end(arguments);
}

/* The binder refuses what others may have written: binder/load.c, policy_distrust(). */
static bool is_trusted(struct modelling *m, const char *path)
{
	const struct image_file *file = image_find(m->image, path);

	if (!file || (!file->uid && !(file->mode & (S_IWGRP | S_IWOTH))))
		return true;
	amiss(m, FOUND_WRONG, "/%s in the image %s: the binder refuses it", path,
	      file->uid ? "does not belong to root" : "may be written by others");
	return false;
}

static void count_only(struct diag *diag, const struct mistake *mistake)
{
	(void)diag;
	(void)mistake; /* said of /etc, if it is there too */
}

/*
 * As load_policy() puts its files one behind the other, so the two can be compared: of one that is
 * switched off the name alone.
 */
static void take_file(struct modelling *m, const char *path, bool off, struct diag *diag)
{
	struct judgement *judged = &m->boot->judged;
	struct policy_text *all = &judged->policy_text;
	struct text content = off ? text_of("") : image_content(m->image, path), file;

	if (!off && !is_trusted(m, path)) {
		diag->mistakes++;
		return;
	}
	if (!policy_text_begin(all, path, &file) ||
	    (content.len && !policy_text_put(all, content.at, content.len)) ||
	    (content.len && content.at[content.len - 1] != '\n' &&
	     !policy_text_put(all, "\n", 1))) {
		diag->mistakes++;
		return;
	}
	(void)policy_parse(&judged->policy, file,
			   (struct text){ file.at + file.len + 1, content.len }, diag);
}

/* Reads the image's policy as load_policy() would, and the rules of the command line. */
static void take_policy(struct modelling *m)
{
	struct judgement *judged = &m->boot->judged;
	struct diag diag = { .emit = count_only };
	struct text cmdline = text_of(judged->cmdline);
	struct image_drop_in drop_in = { .name = NULL };
	const char *folder = NULL;

	if (image_find(m->image, POLICY_FILE))
		take_file(m, POLICY_FILE, false, &diag);
	while (image_next_drop_in(m->image, &drop_in)) {
		if (drop_in.folder != folder && !is_trusted(m, drop_in.folder))
			diag.mistakes++;
		folder = drop_in.folder;
		take_file(m, drop_in.path, drop_in.off, &diag);
	}
	cmdline_read(cmdline, &judged->words);
	(void)cmdline_rules(cmdline, &judged->words, &judged->policy, &diag);
	if (diag.mistakes)
		judged->policy.rule_count = 0;
	m->model->same_policy =
		text_equal((struct text){ judged->policy_text.buffer, judged->policy_text.len },
			   (struct text){ m->host->judged.policy_text.buffer,
					  m->host->judged.policy_text.len });
}

/* A list that is missing or makes no sense is unknown, as at boot. */
static void take_protect(struct modelling *m)
{
	struct judgement *judged = &m->boot->judged;
	struct text content = image_content(m->image, PROTECT_FILE);

	judged->protect = (struct protect){ .unknown = true };
	if (content.len && content.len < sizeof(m->boot->protect_text)) {
		memcpy(m->boot->protect_text, content.at, content.len);
		(void)protect_parse(&judged->protect,
				    (struct text){ m->boot->protect_text, content.len });
	}
}

/* A word that has the image do nothing. */
static void say_off(struct modelling *m, struct text word, const char *what)
{
	m->model->off = true;
	amiss(m, FOUND_WRONG, "%.*s on the kernel command line%s: %s", (int)word.len, word.at,
	      m->where, what);
}

/* The words that decide whether the image's binder runs at all. */
static void check_words(struct modelling *m)
{
	struct text cmdline = text_of(m->boot->judged.cmdline);
	const struct words *words = &m->boot->judged.words;
	struct cmdline_word word;

	if (words->mode != MODE_ON)
		say_off(m, words->decided_by, "nothing is bound");
	while (cmdline_next(&cmdline, &word)) {
		if (text_is(word.whole, "noinitrd"))
			say_off(m, word.whole, "no image is used");
		else if (text_is(word.name, "rdinit") && !text_is(word.value, BINDER_PATH) &&
			 !text_is(word.value, "/init"))
			amiss(m, FOUND_UNKNOWN,
			      "%.*s on the kernel command line%s: another program than /init "
			      "runs",
			      (int)word.whole.len, word.whole.at, m->where);
		else if (text_is(word.name, "disablehooks") && word.value.len && /* of mkinitcpio */
			 image_find(m->image, IMAGE_HOOK_FILE) &&
			 memmem(word.value.at, word.value.len, "vfio-bind", 9))
			say_off(m, word.whole, "the hook does not run");
	}
}

static struct text driver_of(const struct host *host, size_t i)
{
	const struct judgement *judged = &host->judged;

	return rule_driver(&judged->policy.rules[plan_verdict(&judged->plan, i).rule],
			   judged->steps, &judged->inventory.devices[i]);
}

static const char *why_not_bound(struct verdict verdict, const char *no_rule)
{
	return verdict.kind == VERDICT_REFUSE ? reason_token(verdict.reason) :
	       verdict.kind == VERDICT_KEEP   ? "a keep rule" :
						no_rule;
}

/* Finds the step of a module in the plan. Returns 1, 0 if there is none, -1 if there is no plan. */
static int find_step(const struct modelling *m, struct text module, struct module_step *step)
{
	struct text rest = image_content(m->image, IMAGE_PLAN_FILE), release;

	if (!modplan_open(&rest, &release))
		return -1;
	while (modplan_next(&rest, step) > 0)
		if (module_name_equal(step->file, module))
			return 1;
	return 0;
}

/* True if its plan brings that driver, or its kernel has it; without a plan that is what is wrong. */
static bool has_driver(const struct modelling *m, struct text driver)
{
	struct module_step step;

	return find_step(m, driver, &step) != 0;
}

/* True if a driver leaves the function alone, as it has no IOMMU group. */
static bool is_refused(struct modelling *m, size_t i, struct text driver)
{
	struct module_step vfio = { 0 };
	bool told = find_step(m, text_of("vfio"), &vfio) > 0 && vfio.options.at;

	return noiommu_counts(m->boot, i, driver) && noiommu_is_known(m->boot) &&
	       !noiommu_is_set(told ? vfio.options : text_of(""), text_of(m->boot->judged.cmdline));
}

/* Says of a function what the image does otherwise. */
static void compare(struct modelling *m, size_t i, struct text wanted_driver,
		    struct text done_driver)
{
	struct model_row *row = &m->model->rows[i];
	bool wanted = row->wanted.kind == VERDICT_BIND, done = row->done.kind == VERDICT_BIND;
	char address[ADDRESS_SIZE];

	(void)address_format(row->address, address);
	row->differs = true;
	if (wanted && !done)
		amiss(m, FOUND_OUTDATED, "%s stays with the host: %s", address,
		      why_not_bound(row->done, "no rule in it"));
	else if (!wanted && done)
		amiss(m, m->model->same_policy ? FOUND_WRONG : FOUND_OUTDATED,
		      "%s is taken from the host, which keeps it by /etc (%s)", address,
		      why_not_bound(row->wanted, "no rule"));
	else if (row->vain)
		row->differs = false; /* by /etc alike: said below */
	else if (row->refused)
		amiss(m, FOUND_OUTDATED, "%s gets no driver: vfio is not told " NOIOMMU_PARAMETER,
		      address);
	else if (done && !row->driver[0])
		amiss(m, FOUND_OUTDATED, "%s gets no driver: %.*s is not in the image", address,
		      (int)done_driver.len, done_driver.at);
	else if (wanted && !module_name_equal(wanted_driver, text_of(row->driver)))
		amiss(m, FOUND_OUTDATED, "%s is given to %s, not to %.*s", address, row->driver,
		      (int)wanted_driver.len, wanted_driver.at);
	else
		row->differs = false;
}

static void fill_rows(struct modelling *m, const struct host *wanted)
{
	struct image_model *model = m->model;
	const struct inventory *inventory = &m->boot->judged.inventory;

	model->count = inventory->count;
	for (size_t i = 0; i < model->count; i++) {
		struct model_row *row = &model->rows[i];
		struct text wants, does;

		*row = (struct model_row){
			.address = inventory->devices[i].address,
			.done = plan_verdict(&m->boot->judged.plan, i),
			.wanted = plan_verdict(&wanted->judged.plan, i),
		};
		wants = row->wanted.kind == VERDICT_BIND ? driver_of(wanted, i) : text_of("");
		does = row->done.kind == VERDICT_BIND ? driver_of(m->boot, i) : text_of("");
		row->vain = does.len && noiommu_advice(m->boot, i, does);
		row->refused = row->vain || (does.len && is_refused(m, i, does));
		if (does.len && !row->refused && has_driver(m, does))
			(void)text_copy(does, row->driver, sizeof(row->driver));
		compare(m, i, wants, does);
	}
}

/* What no image can mend, as nothing has vfio take it. */
static void say_vain(struct modelling *m)
{
	char address[ADDRESS_SIZE];

	for (size_t i = 0; i < m->model->count; i++) {
		if (!m->model->rows[i].vain)
			continue;
		(void)address_format(m->model->rows[i].address, address);
		amiss(m, FOUND_WRONG, "%s gets no driver: it has no IOMMU group (vfio-bind check)",
		      address);
	}
}

/* Nothing in the image runs: whatever its policy says, it binds nothing. */
static void do_nothing(struct image_model *model)
{
	for (size_t i = 0; i < model->count; i++) {
		struct model_row *row = &model->rows[i];

		row->differs = row->wanted.kind == VERDICT_BIND;
		row->done = (struct verdict){ .rule = NO_RULE };
		row->driver[0] = '\0';
	}
}

static size_t count_wanted(const struct image_model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++)
		count += model->rows[i].wanted.kind == VERDICT_BIND;
	return count;
}

size_t image_model_bound(const struct image_model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++)
		count += model->rows[i].done.kind == VERDICT_BIND;
	return count;
}

/* Why nobody can say from here what the image will do, or NULL. */
static const char *why_unknown(const struct modelling *m)
{
	const struct host *host = m->host;

	if (host->mistakes.diag.denied)
		return "the policy of /etc may not be read: run it as root";
	if (!host->cmdline_known && !m->cmdline)
		return "the kernel command line cannot be read here";
	if (host->judged.protect.unknown)
		return "what this host lives on cannot be seen from here";
	if (host_hides_dsn(host, &m->boot->judged.protect) ||
	    host_hides_dsn(m->boot, &m->boot->judged.protect))
		return "serial numbers take root to read, and it goes by them: run it as root";
	return NULL;
}

/*
 * What the command line vetoes or adds counts on both sides only where the image boots with it. With driver=auto it is the image's kernel that says which
 * variants there are. Returns what /etc wants then.
 */
static const struct host *wanted_under(struct modelling *m, struct host **again)
{
	const struct host *host = m->host;
	const char *words = m->cmdline ? m->cmdline : host->judged.cmdline;

	if (!strcmp(words, host->judged.cmdline) && !policy_asks_auto(&host->judged.policy))
		return host;
	*again = host_again(host);
	if (!*again)
		return NULL;
	host_policy_under(*again, words);
	if (m->parts->release[0])
		host_take_variants(*again, m->parts->release);
	return host_judge(*again, AT_BOOT) == EXIT_AS_CONFIGURED ? *again : NULL;
}

/* What its plan says of driver=auto. */
static void take_variants(struct modelling *m)
{
	struct text steps = image_content(m->image, IMAGE_PLAN_FILE), release;

	if (modplan_open(&steps, &release))
		m->boot->judged.steps = steps;
}

static void judge_image(struct modelling *m)
{
	struct judgement *judged = &m->boot->judged;
	struct host *again = NULL;
	const struct host *wanted;
	const char *unknown;
	size_t said;

	(void)snprintf(judged->cmdline, sizeof(judged->cmdline), "%s",
		       m->cmdline ? m->cmdline : m->host->judged.cmdline);
	take_policy(m);
	take_protect(m);
	take_variants(m);
	unknown = why_unknown(m);
	wanted = unknown ? NULL : wanted_under(m, &again);
	if (!unknown && (!wanted || host_judge(m->boot, AT_BOOT) != EXIT_AS_CONFIGURED))
		unknown = "this machine cannot be judged from here";
	if (unknown) {
		amiss(m, FOUND_UNKNOWN, "%s", unknown);
	} else {
		m->model->known = true;
		fill_rows(m, wanted);
		m->model->functions = m->model->kind;
		said = strlen(m->model->detail);
		if (count_wanted(m->model))
			check_words(m);
		said += strspn(m->model->detail + said, "; ");
		(void)snprintf(m->model->words, sizeof(m->model->words), "%s",
			       m->model->detail + said);
		if (m->model->off || m->parts->own[PART_BINDER].kind >= FOUND_MISSING)
			do_nothing(m->model);
		else
			say_vain(m);
	}
	if (again)
		host_free(again);
}

/* A unified kernel image has a command line of its own, others may have a boot entry's. */
static void take_cmdline(struct modelling *m, const char *path)
{
	static struct entry_words entry;

	m->cmdline = m->image->cmdline;
	if (m->cmdline ||
	    !entry_words_read(&entry, &m->boot->judged.machine, path, m->host->judged.cmdline))
		return;
	m->cmdline = entry.cmdline;
	(void)snprintf(m->where, sizeof(m->where), " in /%s", entry.path);
}

void image_model(struct image_model *model, const struct image_parts *parts, const char *path,
		 const struct host *host)
{
	struct modelling m = {
		.model = model, .parts = parts, .image = &parts->tree, .host = host
	};
	size_t warned = warnings_count();

	model->kind = FOUND_RIGHT;
	model->detail[0] = '\0';
	model->words[0] = '\0';
	model->known = model->same_policy = model->off = false;
	model->count = 0;
	m.boot = host ? host_again(host) : NULL;
	if (m.boot) {
		take_cmdline(&m, path);
		judge_image(&m);
		host_free(m.boot);
	} else {
		amiss(&m, FOUND_UNKNOWN, "this machine cannot be looked at");
	}
	if (!model->known)
		model->functions = model->kind;
	if (!model->detail[0])
		(void)snprintf(model->detail, sizeof(model->detail),
			       "%zu bound at the next boot, as /etc wants it",
			       image_model_bound(model));
	warnings_forget(warned);
}
