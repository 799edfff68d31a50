/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_model.h"

#include "base/complain.h"
#include "host/kernel_variants.h"
#include "host/read_host.h"
#include "image_policy.h"
#include "modplan.h"
#include "variant.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BINDER_PATH "/usr/lib/vfio-bind/binder"

struct modelling {
	struct image_model *model;
	const struct image_tree *image;
	struct host *host; /* as /etc wants it */
	struct host *boot; /* as the image will have it */
	bool same_policy;
	bool mistakes; /* in the image's policy: it binds nothing */
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

static void take_file(struct modelling *m, const char *path, struct diag *diag)
{
	struct judgement *judged = &m->boot->judged;
	struct text content = image_content(m->image, path);
	char *at = judged->policy_text.buffer + judged->policy_text.len;
	struct text file = { at, strlen(path) + 1 };

	if (!is_trusted(m, path)) {
		diag->mistakes++;
		return;
	}
	if (content.len + file.len + 1 >
	    sizeof(judged->policy_text.buffer) - judged->policy_text.len) {
		diag->mistakes++;
		return;
	}
	(void)snprintf(at, file.len + 1, "/%s", path);
	at += file.len;
	if (content.len)
		memcpy(at, content.at, content.len);
	judged->policy_text.len += file.len + content.len;
	(void)policy_parse(&judged->policy, file, (struct text){ at, content.len }, diag);
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
		take_file(m, POLICY_FILE, &diag);
	while (image_next_drop_in(m->image, &drop_in)) {
		if (drop_in.folder != folder && !is_trusted(m, drop_in.folder))
			diag.mistakes++;
		folder = drop_in.folder;
		if (!drop_in.off)
			take_file(m, drop_in.path, &diag);
	}
	cmdline_read(cmdline, &judged->words);
	(void)cmdline_rules(cmdline, &judged->words, &judged->policy, &diag);
	m->mistakes = diag.mistakes;
	if (m->mistakes)
		judged->policy.rule_count = 0;
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

/* What its plan says of driver=auto, beside what this kernel has. */
static void take_variants(struct modelling *m)
{
	struct text steps = image_content(m->image, PAYLOAD_DIR "/plan"), release;
	char name[NAME_SIZE];

	m->boot->judged.steps = (struct text){ 0 };
	if (!modplan_open(&steps, &release) || release.len >= sizeof(name))
		return;
	m->boot->judged.steps = steps;
	memcpy(name, release.at, release.len);
	name[release.len] = '\0';
	host_take_variants(m->host, name);
}

/* The words that decide whether the image's binder runs at all. */
static void check_words(struct modelling *m)
{
	struct text cmdline = text_of(m->boot->judged.cmdline);
	const struct words *words = &m->boot->judged.words;
	struct cmdline_word word;

	if (words->mode != MODE_ON)
		amiss(m, FOUND_WRONG, "%.*s on the kernel command line: nothing is bound",
		      (int)words->decided_by.len, words->decided_by.at);
	while (cmdline_next(&cmdline, &word)) {
		if (text_is(word.whole, "noinitrd"))
			amiss(m, FOUND_WRONG,
			      "noinitrd on the kernel command line: no image is used");
		else if (text_is(word.name, "rdinit") && !text_is(word.value, BINDER_PATH) &&
			 !text_is(word.value, "/init"))
			amiss(m, FOUND_UNKNOWN,
			      "%.*s on the kernel command line: another program than /init runs",
			      (int)word.whole.len, word.whole.at);
		else if (text_is(word.name, "disablehooks") && word.value.len && /* of mkinitcpio */
			 image_find(m->image, "hooks/vfio-bind") &&
			 memmem(word.value.at, word.value.len, "vfio-bind", 9))
			amiss(m, FOUND_WRONG,
			      "%.*s on the kernel command line: the hook does not run",
			      (int)word.whole.len, word.whole.at);
	}
}

static struct text driver_of(const struct host *host, size_t i)
{
	const struct judgement *judged = &host->judged;

	return rule_driver(&judged->policy.rules[plan_verdict(&judged->plan, i).rule],
			   judged->steps, &judged->inventory.devices[i]);
}

/* Says of a function what the image does otherwise. */
static void compare(struct modelling *m, size_t i)
{
	struct verdict wanted = plan_verdict(&m->host->judged.plan, i);
	struct verdict done = plan_verdict(&m->boot->judged.plan, i);
	struct text driver, other;
	char address[ADDRESS_SIZE];

	(void)address_format(m->host->judged.inventory.devices[i].address, address);
	if (wanted.kind == VERDICT_BIND && done.kind != VERDICT_BIND)
		amiss(m, FOUND_OUTDATED, "%s stays with the host: %s", address,
		      done.kind == VERDICT_REFUSE ? reason_token(done.reason) :
		      done.kind == VERDICT_KEEP   ? "a keep rule" :
						    "no rule in it");
	else if (wanted.kind != VERDICT_BIND && done.kind == VERDICT_BIND)
		amiss(m, m->same_policy ? FOUND_WRONG : FOUND_OUTDATED,
		      "%s is taken from the host, which keeps it by /etc (%s)", address,
		      wanted.kind == VERDICT_REFUSE ? reason_token(wanted.reason) :
		      wanted.kind == VERDICT_KEEP   ? "a keep rule" :
						      "no rule");
	if (wanted.kind != VERDICT_BIND || done.kind != VERDICT_BIND)
		return;
	driver = driver_of(m->host, i);
	other = driver_of(m->boot, i);
	if (!module_name_equal(driver, other))
		amiss(m, FOUND_OUTDATED, "%s is given to %.*s, not to %.*s", address,
		      (int)other.len, other.at, (int)driver.len, driver.at);
}

static size_t count_bound(const struct host *host)
{
	size_t count = 0;

	for (size_t i = 0; i < host->judged.inventory.count; i++)
		count += plan_verdict(&host->judged.plan, i).kind == VERDICT_BIND;
	return count;
}

/* Both looked at the same machine: one that changed in between cannot be compared. */
static bool is_same_machine(const struct modelling *m)
{
	const struct inventory *a = &m->host->judged.inventory, *b = &m->boot->judged.inventory;

	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!address_equal(a->devices[i].address, b->devices[i].address))
			return false;
	return true;
}

static void judge_image(struct modelling *m)
{
	struct judgement *judged = &m->boot->judged;

	if (m->image->cmdline)
		(void)snprintf(judged->cmdline, sizeof(judged->cmdline), "%s", m->image->cmdline);
	take_policy(m);
	take_protect(m);
	take_variants(m);
	if (m->host->judged.protect.unknown || host_judge(m->host, AT_BOOT) != EXIT_AS_CONFIGURED ||
	    host_judge(m->boot, AT_BOOT) != EXIT_AS_CONFIGURED || !is_same_machine(m)) {
		amiss(m, FOUND_UNPROVEN, "this machine cannot be judged from here%s",
		      geteuid() ? ": run verify as root" : "");
		return;
	}
	for (size_t i = 0; i < m->host->judged.inventory.count; i++)
		compare(m, i);
	if (count_bound(m->host))
		check_words(m);
	if (!m->model->detail[0])
		(void)snprintf(m->model->detail, MODEL_DETAIL_SIZE,
			       "%zu bound at the next boot, as /etc wants it",
			       count_bound(m->boot));
}

static bool can_look(const char *root)
{
	struct machine machine;
	bool there = !machine_open(&machine, root) && machine_has(&machine, PCI_DEVICES);

	machine_close(&machine);
	return there;
}

void image_model(struct image_model *model, const struct image_tree *image, const char *root,
		 bool same_policy)
{
	const struct options options = { .root = root };
	struct modelling m = { .model = model, .image = image, .same_policy = same_policy };
	size_t warned = warnings_count();
	int code = EXIT_FAILED;

	*model = (struct image_model){ .kind = FOUND_RIGHT };
	if (can_look(root)) {
		m.host = host_read(&options, AT_BOOT, &code);
		m.boot = m.host ? host_look(&options, &code) : NULL;
	}
	warnings_forget(warned);
	if (m.boot)
		judge_image(&m);
	else
		amiss(&m, FOUND_UNPROVEN, "this machine cannot be looked at");
	if (m.boot)
		host_free(m.boot);
	if (m.host)
		host_free(m.host);
}
