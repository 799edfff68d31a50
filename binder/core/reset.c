/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reset.h"

#include <string.h>

#define NAME_LEN_MAX 31

bool reset_is_method(struct text name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((name.at[i] < 'a' || name.at[i] > 'z') &&
		    (name.at[i] < '0' || name.at[i] > '9') && name.at[i] != '_')
			return false;
	return name.len && name.len <= NAME_LEN_MAX;
}

unsigned reset_missing(struct text asked, struct text there)
{
	struct text name, rest, other;
	unsigned missing = 0;

	for (unsigned bit = 1; bit && text_cut(&asked, ',', &name); bit <<= 1) {
		missing |= bit;
		rest = there;
		while (text_cut(&rest, ' ', &other))
			if (text_equal(name, other))
				missing &= ~bit;
	}
	return missing;
}

void reset_list(struct text asked, unsigned bits, char separator, char out[RESET_SIZE])
{
	struct text name;
	size_t len = 0;

	for (; text_cut(&asked, ',', &name); bits >>= 1) {
		if (!(bits & 1) || len + name.len + 1 >= RESET_SIZE)
			continue;
		if (len)
			out[len++] = separator;
		memcpy(out + len, name.at, name.len);
		len += name.len;
	}
	out[len] = '\0';
}
