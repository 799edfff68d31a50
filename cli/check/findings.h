/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `check` finds: each a sentence that names what is wrong, and one that says what to do. */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "base/json.h"
#include "image/images.h"
#include "show/host_notes.h"

enum severity {
	SEVERITY_ERROR,   /* something will not be as the policy wants it */
	SEVERITY_WARNING, /* it may go wrong, or takes more than the policy says */
	SEVERITY_UNKNOWN, /* it cannot be seen from here: neither good nor bad */
	SEVERITY_NOTE,
	SEVERITIES,
};

#define USES_TEXT_SIZE 160

struct finding {
	enum severity severity;
	const char *check;   /* a frozen token */
	char *text, *advice; /* what is wrong, and what to do */
	char *place;         /* FILE or FILE:LINE, or NULL */
	enum reason reason;  /* of a guard that refuses, or of a rule that binds nothing */
	size_t device;       /* what it is about, or NO_DEVICE */
	uint16_t *devices;   /* several of them, or NULL */
	size_t device_count;
	struct finding *next;
};

struct findings {
	struct host *host;
	const struct images *images;
	struct finding *first, *last; /* in the order they were found */
	unsigned counts[SEVERITIES];
	bool pending;            /* an image has to be built anew */
	struct host_notes notes; /* once uses_text() asked for them: notes.host */
};

/* Adds a finding of the check of that name. The caller adds the advice, and what it is about. */
__attribute__((format(printf, 4, 5))) struct finding *finding_add(struct findings *findings,
								  enum severity severity,
								  const char *check,
								  const char *how, ...);

__attribute__((format(printf, 2, 3))) void finding_advise(struct finding *finding, const char *how,
							  ...);

__attribute__((format(printf, 2, 3))) void finding_set_place(struct finding *finding,
							     const char *how, ...);
void finding_set_rule(struct finding *finding, const struct rule *rule);

/* Says that something cannot be read, if err is an error. Returns true then. */
bool finding_unreadable(struct findings *findings, const char *check, const char *what, int err);

/* Prints all, errors first. */
void findings_print(const struct findings *findings);

/* All as an array, in the order they were found. */
struct json_object *findings_json(const struct findings *findings);

void findings_free(struct findings *findings);

/* What the host uses a device for, "root, swap", or "" where nobody knows more than that it does. */
const char *uses_text(struct findings *findings, size_t index, char out[USES_TEXT_SIZE]);

/* "0000:05:00.0 nvme 144d:a80a". */
#define DEVICE_TEXT_SIZE 64
const char *device_text(const struct host *host, size_t index, char out[DEVICE_TEXT_SIZE]);

/* Devices in a sentence, the first few only, and all of them for programs. */
struct naming {
	char text[160];
	size_t len, count;
	uint16_t *all; /* NULL while there is none */
};

void naming_add(struct naming *naming, const struct host *host, size_t index);

/* Gives all of them to the finding. */
void naming_give(struct naming *naming, struct finding *finding);
void naming_free(struct naming *naming);

#endif
