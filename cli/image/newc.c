/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "newc.h"

#include <limits.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER_LEN  110
#define MAGIC_LEN   6
#define CONTENT_MAX (32 << 20) /* nothing we want to read is longer; an image can say anything */

/* In the order of the header: linux/Documentation/driver-api/early-userspace/buffer-format.rst. */
enum field {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_LINKS,
	FIELD_MTIME,
	FIELD_SIZE,
	FIELD_MAJOR,
	FIELD_MINOR,
	FIELD_RDEV_MAJOR,
	FIELD_RDEV_MINOR,
	FIELD_NAME_LEN,
	FIELD_SUM,
	FIELDS
};

struct member {
	bool summed; /* of magic 070702 */
	mode_t mode;
	uint32_t fields[FIELDS];
	char name[PATH_MAX + 1];
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct newc *newc, const char *how, ...)
{
	va_list arguments;

	va_start(arguments, how);
	(void)vsnprintf(newc->said, sizeof(newc->said), how, arguments);
	va_end(arguments);
	newc->wrong = newc->said;
	return false;
}

/* Where a stream ends, the kernel would still wait for more: or it cannot be read. */
static bool ended(struct newc *newc, const struct stream *stream)
{
	newc->wrong = stream->wrong ? stream->wrong : "an archive ends in the middle";
	return false;
}

/* The first name of a file that has more. */
struct first_name {
	uint32_t ino, major, minor;
	char name[];
};

static int by_file(const void *left, const void *right)
{
	const struct first_name *a = left, *b = right;

	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	return a->minor < b->minor ? -1 : a->minor > b->minor;
}

/*
 * Writes the name this file had before to *old; NULL if it is the first, which is remembered then.
 * False where memory ran out.
 */
static bool find_first_name(struct newc *newc, const struct member *member, const char **old)
{
	size_t len = strlen(member->name) + 1;
	struct first_name *name = malloc(sizeof(*name) + len), **found;

	*old = NULL;
	if (!name)
		return false;
	name->ino = member->fields[FIELD_INO];
	name->major = member->fields[FIELD_MAJOR];
	name->minor = member->fields[FIELD_MINOR];
	memcpy(name->name, member->name, len);
	found = tsearch(name, &newc->links, by_file);
	if (!found || *found != name)
		free(name);
	if (found && *found != name)
		*old = (*found)->name;
	return found;
}

/* The kernel makes no directory that an archive does not list: the file would be left out. */
static bool has_parent(const struct image_tree *image, char *path)
{
	char *slash = strrchr(path, '/');
	const struct image_file *parent;

	if (!slash)
		return true;
	*slash = '\0';
	parent = image_lookup(image, path);
	*slash = '/';
	return parent && S_ISDIR(parent->mode);
}

/*
 * As clean_path() of the kernel: what is there and no such file is removed. False where it stays: a
 * directory that holds anything.
 */
static bool clean(struct image_tree *image, char *path, mode_t type)
{
	struct image_file *there = image_lookup(image, path);

	if (!there || (there->mode & S_IFMT) == type)
		return true;
	if (S_ISDIR(there->mode) && image_holds(image, path))
		return false;
	image_drop(image, there);
	return true;
}

/* Reads a file's bytes, and keeps them if content is not NULL. */
static bool read_body(struct newc *newc, struct stream *stream, const struct member *member,
		      char *content)
{
	uint32_t left = member->fields[FIELD_SIZE], sum = 0;

	while (left) {
		struct text part = stream_take(stream, left);

		if (!part.len)
			return ended(newc, stream);
		for (size_t i = 0; member->summed && i < part.len; i++)
			sum += (unsigned char)part.at[i];
		if (content) {
			memcpy(content, part.at, part.len);
			content += part.len;
		}
		left -= (uint32_t)part.len;
	}
	if (member->summed && sum != member->fields[FIELD_SUM])
		return wrong(newc, "the sum of %s is not that of its header", member->name);
	return true;
}

static bool fill_file(struct newc *newc, struct stream *stream, const struct member *member,
		      const struct image_file *named, struct image_file *file)
{
	size_t size = member->fields[FIELD_SIZE];
	char *content = NULL;

	file->mode = member->mode;
	file->uid = member->fields[FIELD_UID];
	/* Another name of it may be asked for. */
	if (size && size <= CONTENT_MAX &&
	    (member->fields[FIELD_LINKS] > 1 || file->shared || newc->image->keep(named->path) ||
	     newc->image->keep(member->name))) {
		content = malloc(size);
		if (!content)
			return wrong(newc, "not readable");
	}
	file->content = (struct text){ content, content ? size : 0 };
	return read_body(newc, stream, member, content);
}

/* Makes path another name of the file that is called old. */
static struct image_file *take_link(struct newc *newc, const struct member *member, char *path,
				    const char *old)
{
	char found[IMAGE_PATH_SIZE];
	struct image_file *first = NULL, *file;

	if (!clean(newc->image, path, 0))
		return NULL;
	if (image_resolve(newc->image, old, false, found))
		first = image_lookup(newc->image, found);
	if (!first || !S_ISREG(first->mode)) {
		(void)wrong(newc, "%s is a name of %s, which the kernel cannot make", member->name,
			    old);
		return NULL;
	}
	file = image_put(newc->image, path);
	if (!file) {
		(void)wrong(newc, "not readable");
		return NULL;
	}
	file->first = first->first ? first->first : first;
	file->first->shared = true;
	file->mode = S_IFREG;
	return file;
}

/* Where no file can be made, nothing is read: what follows is passed over. */
static bool take_regular(struct newc *newc, struct stream *stream, const struct member *member,
			 char *path, bool possible)
{
	struct image_file *file, *first;
	const char *old = NULL;

	if (member->fields[FIELD_LINKS] > 1 && !find_first_name(newc, member, &old))
		return wrong(newc, "not readable");
	if (!possible || !clean(newc->image, path, S_IFREG))
		return true;
	file = old ? take_link(newc, member, path, old) : image_lookup(newc->image, path);
	if (!file && !old)
		file = image_put(newc->image, path);
	if (!file && !old)
		return wrong(newc, "not readable");
	if (!file)
		return !newc->wrong;
	/* One that is there is written over, and all its names with it. */
	first = file->first ? file->first : file;
	if (old && !member->fields[FIELD_SIZE]) {
		first->mode = member->mode;
		first->uid = member->fields[FIELD_UID];
		return read_body(newc, stream, member, NULL);
	}
	image_forget(first);
	return fill_file(newc, stream, member, file, first);
}

static bool take_symlink(struct newc *newc, struct stream *stream, const struct member *member,
			 char *path, bool possible)
{
	char target[PATH_MAX + 1] = "";
	struct image_file *file;

	if (!stream_read(stream, target, member->fields[FIELD_SIZE]))
		return ended(newc, stream);
	if (!possible || !clean(newc->image, path, 0))
		return true;
	file = image_put(newc->image, path);
	if (!file)
		return wrong(newc, "not readable");
	file->mode = member->mode;
	file->uid = member->fields[FIELD_UID];
	file->link = strdup(target);
	return file->link || wrong(newc, "not readable");
}

/* Directories and devices; anything else only removes what is there. */
static bool take_node(struct newc *newc, const struct member *member, char *path, bool possible)
{
	mode_t type = member->mode & S_IFMT;
	struct image_file *file;

	if (!possible || !clean(newc->image, path, type) ||
	    (!S_ISDIR(type) && !S_ISCHR(type) && !S_ISBLK(type) && !S_ISFIFO(type) &&
	     !S_ISSOCK(type)))
		return true;
	file = image_lookup(newc->image, path);
	if (!file)
		file = image_put(newc->image, path);
	if (!file)
		return wrong(newc, "not readable");
	file->mode = member->mode;
	file->uid = member->fields[FIELD_UID];
	return true;
}

/* Writes where the file is to be; false where the kernel could make none of that name. */
static bool find_place(const struct newc *newc, const struct member *member,
		       char path[IMAGE_PATH_SIZE])
{
	const char *name = member->name, *last = strrchr(name, '/');
	size_t len = strlen(name);

	last = last ? last + 1 : name;
	if (!strcmp(last, ".") || !strcmp(last, ".."))
		return false; /* a directory that there is */
	if (!image_resolve(newc->image, name, false, path) || !path[0] ||
	    !has_parent(newc->image, path))
		return false;
	if (name[len - 1] == '/') {
		const struct image_file *there = image_lookup(newc->image, path);

		/* By such a name a link is followed, and only a directory can be made. */
		return S_ISDIR(member->mode) && (!there || S_ISDIR(there->mode));
	}
	return true;
}

static bool take(struct newc *newc, struct stream *stream, const struct member *member)
{
	char path[IMAGE_PATH_SIZE];
	bool possible = find_place(newc, member, path);

	if (S_ISLNK(member->mode))
		return take_symlink(newc, stream, member, path, possible);
	if (S_ISREG(member->mode))
		return take_regular(newc, stream, member, path, possible);
	return take_node(newc, member, path, possible);
}

static bool parse_header(struct newc *newc, const char header[HEADER_LEN], struct member *member)
{
	member->summed = !memcmp(header, "070702", MAGIC_LEN);
	if (!member->summed && memcmp(header, "070701", MAGIC_LEN) != 0)
		return wrong(newc, memcmp(header, "0707", 4) ?
					   "no archive the kernel knows begins here" :
					   "it is not in the newc format (cpio -H newc)");
	for (size_t i = 0; i < FIELDS; i++) {
		struct text digits = { header + MAGIC_LEN + 8 * i, 8 };

		/* Older kernels make do with what is there, newer ones give up. */
		if (take_hex(&digits, 8, &member->fields[i]) != 8)
			return wrong(newc, "a header has something other than hex digits");
	}
	member->mode = member->fields[FIELD_MODE] & 0xffff;
	return true;
}

/* The name, and what pads the header with it to four bytes. */
static bool read_name(struct newc *newc, struct stream *stream, struct member *member,
		      bool *is_trailer)
{
	uint32_t len = member->fields[FIELD_NAME_LEN];
	uint32_t padding = ((len + 1) & ~3u) + 2 - len;

	if (!stream_read(stream, member->name, len))
		return ended(newc, stream);
	if (member->name[len - 1])
		return wrong(newc, "a name has no end");
	*is_trailer = !S_ISLNK(member->mode) && !strcmp(member->name, "TRAILER!!!");
	/* Where nothing follows, it has done what it is for without them. */
	return stream_read(stream, NULL, padding) || (*is_trailer && !stream->decompressor) ||
	       ended(newc, stream);
}

/* The kernel does not look into a member of which this is true; it begins behind it. */
static bool is_passed_over(const struct member *member)
{
	uint32_t len = member->fields[FIELD_NAME_LEN], size = member->fields[FIELD_SIZE];

	if (!len || len > PATH_MAX)
		return true;
	return S_ISLNK(member->mode) ? size > PATH_MAX : !S_ISREG(member->mode) && size;
}

static bool read_member(struct newc *newc, struct stream *stream)
{
	struct member member;
	char header[HEADER_LEN];
	bool is_trailer = false;
	uint64_t end;

	if (!stream_read(stream, header, HEADER_LEN))
		return ended(newc, stream);
	if (!parse_header(newc, header, &member))
		return false;
	end = stream->position + ((member.fields[FIELD_NAME_LEN] + (uint64_t)1) & ~(uint64_t)3) +
	      2 + member.fields[FIELD_SIZE];
	if (!is_passed_over(&member)) {
		if (!read_name(newc, stream, &member, &is_trailer))
			return false;
		if (is_trailer)
			newc_free(newc);
		else if (!take(newc, stream, &member))
			return false;
	}
	/* Only what pads it to four bytes may be missing, at the end of the image. */
	if (stream->position < end && !stream_read(stream, NULL, end - stream->position) &&
	    !is_trailer)
		return ended(newc, stream);
	return stream_read(stream, NULL, -stream->position & 3) ||
	       (!stream->decompressor && !stream->wrong) || ended(newc, stream);
}

bool newc_unpack(struct newc *newc, struct stream *stream)
{
	bool plain = !stream->decompressor;

	while (newc->begun || stream_fill(stream)) {
		while (newc->begun && stream_fill(stream) && !*stream->rest.at)
			(void)stream_take(stream, 1);
		if (!stream_fill(stream))
			break;
		if (stream->position % 4)
			return wrong(newc,
				     "what follows an archive begins at byte %llu, which is no "
				     "multiple of 4",
				     (unsigned long long)stream->position);
		if (*stream->rest.at != '0' && plain)
			return true;
		if (*stream->rest.at != '0')
			return wrong(newc, "what is compressed is no cpio archive");
		newc->begun = true;
		if (!read_member(newc, stream))
			return false;
	}
	if (stream->wrong)
		newc->wrong = stream->wrong;
	else if (!newc->begun)
		return wrong(newc, "it holds no archive");
	return !newc->wrong;
}

void newc_free(struct newc *newc)
{
	tdestroy(newc->links, free);
	newc->links = NULL;
}
