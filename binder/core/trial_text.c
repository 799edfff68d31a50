/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trial_text.h"

#include "format.h"

#include <string.h>

#define HEADER "vfio-bind-trial 1"

/* Takes a line "NAME VALUE" off the front of rest. */
static bool take_line(struct text *rest, const char *name, struct text *value)
{
	struct text word;

	return text_cut(rest, '\n', value) && rest->at && text_cut(value, ' ', &word) &&
	       text_is(word, name) && value->at;
}

/* Takes a line whose value is hex digits, as many as fill out, of size bytes. */
static bool take_hex_line(struct text *rest, const char *name, char *out, size_t size)
{
	struct text value;

	if (!take_line(rest, name, &value) || value.len != size - 1)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (hex_values[(unsigned char)value.at[i]] < 0)
			return false;
	memcpy(out, value.at, value.len);
	out[value.len] = '\0';
	return true;
}

bool trial_parse(struct trial *trial, struct text text)
{
	struct text line, boots;

	*trial = (struct trial){ 0 };
	if (!text_cut(&text, '\n', &line) || !text_is(line, HEADER) ||
	    !take_line(&text, "boots", &boots) ||
	    !text_number(boots, TRIAL_BOOTS_MAX, &trial->boots) ||
	    !take_hex_line(&text, "policy", trial->policy, sizeof(trial->policy)))
		return false;
	return !text.len ||
	       (take_hex_line(&text, "boot", trial->boot, sizeof(trial->boot)) && !text.len);
}

size_t trial_format(const struct trial *trial, char out[TRIAL_TEXT_SIZE])
{
	size_t len = format(out, TRIAL_TEXT_SIZE, HEADER "\nboots %u\npolicy %s\n", trial->boots,
			    trial->policy);

	if (trial->boot[0])
		len += format(out + len, TRIAL_TEXT_SIZE - len, "boot %s\n", trial->boot);
	return len;
}
