/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_cache.h"

#include "base/digest.h"
#include "base/state.h"
#include "image_policy.h"
#include "image_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEADER    "vfio-bind-image-parts 1 " VERSION
#define CACHE_MAX ((size_t)1 << 20)
/* A file system may count in these: FAT does. What was written since then may change again. */
#define SETTLED 2

/* What is written to the cache, or read from it. */
struct memory {
	char *at;
	size_t len;
};

/* The line by which an image is known again. Nobody sets the time of the last change back. */
#define KEY_SIZE 192
static void print_key(char key[KEY_SIZE], const struct stat *st)
{
	(void)snprintf(key, KEY_SIZE, "image %ju %jd %jd.%09ld %jd.%09ld", (uintmax_t)st->st_ino,
		       (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		       (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static bool name_of(char name[MACHINE_PATH_SIZE], const char *path)
{
	size_t start = sizeof(IMAGE_CACHE_DIR);

	if (strchr(path, '!') || !join(name, MACHINE_PATH_SIZE, IMAGE_CACHE_DIR "/", path, ""))
		return false;
	for (char *slash = name + start; (slash = strchr(slash, '/'));)
		*slash = '!';
	return strlen(name + start) + sizeof(".new") <= NAME_SIZE;
}

static void write_bytes(FILE *out, const char *what, struct text text)
{
	(void)fprintf(out, "%s %zu\n", what, text.len);
	if (text.len)
		(void)fwrite(text.at, 1, text.len, out);
	(void)fputc('\n', out);
}

/* A file of the image, by the name it is asked for; one that is switched off stays a link. */
static void write_file(FILE *out, const struct image_tree *image, const char *path, bool off)
{
	const struct image_file *file = off ? image_entry(image, path) : image_find(image, path);
	struct text content = { 0 };

	if (!file)
		return;
	if (off)
		content = text_of(file->link);
	else if (S_ISREG(file->mode))
		content = image_content(image, path);
	(void)fprintf(out, "file %x %x\n", (unsigned)file->mode, (unsigned)file->uid);
	write_bytes(out, "path", text_of(path));
	write_bytes(out, "content", content);
}

static void write_files(FILE *out, const struct image_tree *image)
{
	static const char *const names[] = { PROTECT_FILE, IMAGE_PLAN_FILE, IMAGE_HOOK_FILE,
					     POLICY_FILE,  POLICY_DIR,      VENDOR_DIR };
	struct image_drop_in drop_in = { .name = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		write_file(out, image, names[i], false);
	while (image_next_drop_in(image, &drop_in))
		if (!strchr(drop_in.name, '\n'))
			write_file(out, image, drop_in.path, drop_in.off);
}

static void print_parts(FILE *out, const struct image_parts *parts, const char *key)
{
	(void)fprintf(out, HEADER "\n%s\n", key);
	write_bytes(out, "kernel", text_of(parts->release));
	write_bytes(out, "generator", text_of(parts->generator));
	(void)fprintf(out, "flags %d %d %d %d %d\nbinder %" PRIx64 "\nmodules %zx %zx\n",
		      parts->ours, parts->overlay, parts->init_is_binder, parts->lacks_vfio_pci,
		      parts->plan_makes_sense, parts->binder, parts->loads, parts->builtins);
	for (enum part part = 0; part < PARTS; part++) {
		(void)fprintf(out, "%s %d\n", part_word(part), (int)parts->own[part].kind);
		write_bytes(out, "detail", text_of(parts->own[part].detail));
	}
	(void)fprintf(out, "cmdline %d\n", parts->tree.cmdline != NULL);
	write_bytes(out, "words", text_of(parts->tree.cmdline ? parts->tree.cmdline : ""));
	write_files(out, &parts->tree);
}

/* All of it, and a digest behind it. */
static bool format(struct memory *memory, const struct image_parts *parts, const char *key)
{
	FILE *out = open_memstream(&memory->at, &memory->len);

	if (!out)
		return false;
	print_parts(out, parts, key);
	(void)fflush(out);
	(void)fprintf(out, "end %016" PRIx64 "\n",
		      digest_add(DIGEST_START, memory->at, memory->len));
	return !fclose(out) && memory->len <= CACHE_MAX;
}

/* What images are gone of was kept for nothing. */
static void tidy(struct machine *machine)
{
	struct dir dir;
	const char *name;
	int err;

	if (dir_open(machine, IMAGE_CACHE_DIR, &dir))
		return;
	while ((name = dir_next(&dir, &err))) {
		char path[NAME_SIZE];

		(void)join(path, sizeof(path), name, "", "");
		for (char *mark = path; (mark = strchr(mark, '!'));)
			*mark = '/';
		if (!machine_exists(machine, path))
			(void)unlinkat(dir.fd, name, 0);
	}
	dir_close(&dir);
}

/* A courtesy: where it cannot be written, the image is read each time. */
static void save(struct machine *machine, const char *name, const struct image_parts *parts,
		 const struct stat *st)
{
	struct memory memory = { 0 };
	char key[KEY_SIZE];

	print_key(key, st);
	if (geteuid() || time(NULL) <= st->st_mtime + SETTLED)
		return;
	if (format(&memory, parts, key) &&
	    !state_write(machine, name, (struct text){ memory.at, memory.len },
			 (st->st_mode & 0444) | 0200))
		tidy(machine);
	free(memory.at);
}

static bool take_line(struct text *rest, const char *line)
{
	struct text first;

	return text_cut(rest, '\n', &first) && text_is(first, line);
}

/* Takes "WHAT LEN", and that many bytes. */
static bool take_bytes(struct text *rest, const char *what, struct text *bytes)
{
	char begin[32];
	size_t len = strlen(what);
	struct text line;
	char *end;

	if (!text_cut(rest, '\n', &line) || line.len < len + 2 || line.len >= sizeof(begin) ||
	    memcmp(line.at, what, len) != 0 || line.at[len] != ' ')
		return false;
	(void)snprintf(begin, sizeof(begin), "%.*s", (int)line.len, line.at);
	bytes->len = strtoul(begin + len + 1, &end, 10);
	if (*end || bytes->len >= rest->len || rest->at[bytes->len] != '\n')
		return false;
	bytes->at = rest->at;
	rest->at += bytes->len + 1;
	rest->len -= bytes->len + 1;
	return true;
}

static bool take_string(struct text *rest, const char *what, char *out, size_t size)
{
	struct text bytes;

	if (!take_bytes(rest, what, &bytes) || bytes.len >= size)
		return false;
	(void)snprintf(out, size, "%.*s", (int)bytes.len, bytes.at);
	return true;
}

/* Takes a line "WHAT N...", of that many hexadecimal numbers. */
static bool take_numbers(struct text *rest, const char *what, uint64_t *numbers, size_t count)
{
	char begin[128], *at = begin + strlen(what);
	struct text line;

	if (!text_cut(rest, '\n', &line) || line.len >= sizeof(begin))
		return false;
	(void)snprintf(begin, sizeof(begin), "%.*s", (int)line.len, line.at);
	if (strncmp(begin, what, strlen(what)) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *number = at + 1;

		if (*at != ' ')
			return false;
		numbers[i] = strtoull(number, &at, 16);
		if (at == number)
			return false;
	}
	return !*at;
}

static bool take_flags(struct image_parts *parts, struct text *rest)
{
	uint64_t flags[5], modules[2];

	if (!take_numbers(rest, "flags", flags, ARRAY_SIZE(flags)) ||
	    !take_numbers(rest, "binder", &parts->binder, 1) ||
	    !take_numbers(rest, "modules", modules, ARRAY_SIZE(modules)))
		return false;
	parts->ours = flags[0];
	parts->overlay = flags[1];
	parts->init_is_binder = flags[2];
	parts->lacks_vfio_pci = flags[3];
	parts->plan_makes_sense = flags[4];
	parts->loads = modules[0];
	parts->builtins = modules[1];
	return true;
}

static bool take_findings(struct image_parts *parts, struct text *rest)
{
	for (enum part part = 0; part < PARTS; part++) {
		struct image_finding *own = &parts->own[part];
		uint64_t kind;

		if (!take_numbers(rest, part_word(part), &kind, 1) || kind > FOUND_WRONG ||
		    !take_string(rest, "detail", own->detail, sizeof(own->detail)))
			return false;
		own->kind = (enum finding_kind)kind;
	}
	return true;
}

static bool take_cmdline(struct image_parts *parts, struct text *rest)
{
	struct text words;
	uint64_t has;

	if (!take_numbers(rest, "cmdline", &has, 1) || !take_bytes(rest, "words", &words))
		return false;
	if (has)
		parts->tree.cmdline = strndup(words.at, words.len);
	return !has || parts->tree.cmdline;
}

static bool take_file(struct image_parts *parts, struct text *rest)
{
	char path[MACHINE_PATH_SIZE], *content;
	struct image_file *file;
	struct text bytes;
	uint64_t numbers[2];

	if (!take_numbers(rest, "file", numbers, ARRAY_SIZE(numbers)) ||
	    !take_string(rest, "path", path, sizeof(path)) || !path[0] ||
	    !take_bytes(rest, "content", &bytes))
		return false;
	content = malloc(bytes.len + 1);
	file = content ? image_put(&parts->tree, path) : NULL;
	if (!file) {
		free(content);
		return false;
	}
	memcpy(content, bytes.at, bytes.len);
	content[bytes.len] = '\0';
	file->mode = (mode_t)numbers[0];
	file->uid = (uid_t)numbers[1];
	if (S_ISLNK(file->mode))
		file->link = content;
	else
		file->content = (struct text){ content, bytes.len };
	return true;
}

static bool parse(struct image_parts *parts, struct text rest, const char *key)
{
	if (!take_line(&rest, HEADER) || !take_line(&rest, key) ||
	    !take_string(&rest, "kernel", parts->release, sizeof(parts->release)) ||
	    !take_string(&rest, "generator", parts->generator, sizeof(parts->generator)) ||
	    !take_flags(parts, &rest) || !take_findings(parts, &rest) ||
	    !take_cmdline(parts, &rest))
		return false;
	while (rest.len)
		if (!take_file(parts, &rest))
			return false;
	image_sort(&parts->tree);
	return true;
}

/* Cuts the digest off the end; false if it is not that of what is before it. */
static bool is_whole(struct text *text)
{
	char end[32];
	size_t len = (size_t)snprintf(end, sizeof(end), "end %016x\n", 0);

	if (text->len < len)
		return false;
	text->len -= len;
	(void)snprintf(end, sizeof(end), "end %016" PRIx64 "\n",
		       digest_add(DIGEST_START, text->at, text->len));
	return !memcmp(text->at + text->len, end, len);
}

static bool is_trusted(struct machine *machine, const char *path, bool folder)
{
	int fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	bool trusted = fd >= 0 && !policy_distrust(fd, folder);

	if (fd >= 0)
		(void)close(fd);
	return trusted;
}

static bool load(struct image_parts *parts, struct machine *machine, const char *name,
		 const struct stat *st)
{
	char key[KEY_SIZE], *buffer;
	ssize_t len = -ENOMEM;
	struct text text;
	bool ok;

	if (!is_trusted(machine, IMAGE_CACHE_DIR, true) || !is_trusted(machine, name, false))
		return false;
	buffer = malloc(CACHE_MAX + 1);
	if (buffer)
		len = machine_read(machine, name, buffer, CACHE_MAX + 1);
	text = (struct text){ buffer, len > 0 ? (size_t)len : 0 };
	print_key(key, st);
	ok = len > 0 && is_whole(&text) && parse(parts, text, key);
	free(buffer);
	if (!ok) {
		image_parts_free(parts);
		*parts = (struct image_parts){ 0 };
	}
	return ok;
}

int image_cache_read(struct image_parts *parts, struct machine *machine, const char *path)
{
	int fd = machine_openat(machine, path, O_PATH), err;
	char name[MACHINE_PATH_SIZE];
	bool named = name_of(name, path);
	struct stat st, after;

	*parts = (struct image_parts){ 0 };
	if (fd < 0)
		return fd;
	err = fstat(fd, &st) ? -errno : 0;
	(void)close(fd);
	if (err || (named && load(parts, machine, name, &st)))
		return err;
	fd = machine_openat(machine, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd;
	err = fstat(fd, &st) ? -errno : image_parts_read_open(parts, fd, NULL);
	/* One that is being written meanwhile is read again the next time. */
	if (!err && named && !fstat(fd, &after) &&
	    !memcmp(&st.st_ctim, &after.st_ctim, sizeof(st.st_ctim)))
		save(machine, name, parts, &st);
	(void)close(fd);
	return err;
}
