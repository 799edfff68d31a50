/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_file.h"

#include "machine.h"
#include "newc.h"
#include "uki.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SAID_SIZE 256

__attribute__((format(printf, 2, 3))) static void wrong(struct image_tree *image, const char *how,
							...)
{
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(image->wrong, sizeof(image->wrong), how, arguments);
	va_end(arguments);
}

/* Reads what begins at *at, and leaves that behind it. Returns what is wrong, or NULL. */
static const char *read_segment(struct newc *newc, struct text all, size_t *at,
				char said[SAID_SIZE])
{
	struct text rest = { all.at + *at, all.len - *at };
	enum compression compression = compression_of(rest);
	struct image_tree *image = newc->image;
	struct stream stream;

	if (image->archive_count < IMAGE_ARCHIVES_MAX)
		image->archives[image->archive_count++] = compression_name(compression);
	if (compression == COMPRESSED_UNKNOWN)
		return "no archive the kernel knows begins here";
	if (compression == COMPRESSED_NOT && *at % 4)
		return "it begins at no multiple of 4";
	stream_open(&stream, rest, compression, *at);
	newc->wrong = stream.wrong;
	image->unsure = stream.unsure;
	if (!newc->wrong)
		(void)newc_unpack(newc, &stream);
	if (!newc->wrong)
		*at = compression == COMPRESSED_NOT ? (size_t)stream.position :
						      *at + stream_used(&stream);
	(void)snprintf(said, SAID_SIZE, "%s", newc->wrong ? newc->wrong : "");
	stream_close(&stream);
	return newc->wrong ? said : NULL;
}

static void image_unpack(struct image_tree *image, struct text all)
{
	struct newc newc = { .image = image };
	const char *why = NULL;
	char said[SAID_SIZE];

	for (size_t at = 0; at < all.len && !why;) {
		size_t start = at;

		if (!all.at[at]) {
			at++;
			continue;
		}
		why = read_segment(&newc, all, &at, said);
		if (why)
			wrong(image, "archive %zu (%s), which begins at byte %zu: %s",
			      image->archive_count, image->archives[image->archive_count - 1],
			      start, why);
	}
	newc_free(&newc);
	if (!image->archive_count)
		wrong(image, "it holds nothing but zeros");
}

static void unpack(struct image_tree *image, struct text all)
{
	if (uki_is(all)) {
		struct text words = uki_section(all, ".cmdline");

		if (words.len)
			image->cmdline = strndup(words.at, words.len);
		all = uki_section(all, ".initrd");
	}
	if (all.len)
		image_unpack(image, all);
	else
		(void)join(image->wrong, sizeof(image->wrong), "no initramfs is in it", "", "");
}

int image_read_open(struct image_tree *image, int fd)
{
	struct stat st;
	void *all;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (!st.st_size) {
		(void)strcpy(image->wrong, "it is empty");
		return 0;
	}
	all = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (all == MAP_FAILED)
		return -errno;
	unpack(image, (struct text){ all, (size_t)st.st_size });
	(void)munmap(all, (size_t)st.st_size);
	image_sort(image);
	return 0;
}
