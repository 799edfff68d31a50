/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uki.h"

#include <string.h>

/* Microsoft's PE format: where things are in its headers. */
#define HEADER_AT      0x3c /* offset of the header, in the file */
#define SECTIONS_COUNT 6    /* from the header on, which begins with "PE" and two zeros */
#define OPTIONAL_LEN   20   /* length of what stands between this header and the sections */
#define HEADER_LEN     24
#define SECTION_LEN    40
#define SECTION_NAME   8 /* bytes of its name, with which a section begins */
#define SECTION_USED   8 /* from a section on */
#define SECTION_STORED 16
#define SECTION_AT     20

/* A number of the file, or 0 behind its end. */
static size_t number(struct text file, size_t at, size_t bytes)
{
	size_t value = 0;

	if (at > file.len || file.len - at < bytes)
		return 0;
	while (bytes--)
		value = value << 8 | (unsigned char)file.at[at + bytes];
	return value;
}

bool uki_is(struct text file)
{
	size_t header = number(file, HEADER_AT, 4);

	return file.len > HEADER_LEN && !memcmp(file.at, "MZ", 2) && header < file.len - 4 &&
	       !memcmp(file.at + header, "PE\0", 4);
}

struct text uki_section(struct text file, const char *name)
{
	size_t header = number(file, HEADER_AT, 4);
	size_t section = header + HEADER_LEN + number(file, header + OPTIONAL_LEN, 2);
	size_t count = number(file, header + SECTIONS_COUNT, 2);

	for (; count--; section += SECTION_LEN) {
		size_t at = number(file, section + SECTION_AT, 4);
		size_t len = number(file, section + SECTION_USED, 4);
		size_t stored = number(file, section + SECTION_STORED, 4);

		if (file.len < section + SECTION_LEN || at > file.len)
			break;
		if (strncmp(file.at + section, name, SECTION_NAME) != 0)
			continue;
		/* What is stored is padded to whole blocks. */
		if (len > stored)
			len = stored;
		return (struct text){ file.at + at, len < file.len - at ? len : file.len - at };
	}
	return (struct text){ 0 };
}
