/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load.h"

#include "format.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A policy being put together. */
struct loading {
	struct machine *machine;
	struct policy_text *text;
	struct policy *policy;
	struct diag *diag;
};

/* The file as a whole is wrong: the mistake stands at its first byte. */
static void blame_file(struct loading *loading, struct text file, const char *expected)
{
	const struct mistake mistake = {
		.file = file,
		.line = 1,
		.column = 1,
		.source = text_of(""),
		.expected = expected,
	};

	diag_report(loading->diag, &mistake);
}

static void blame_error(struct loading *loading, struct text file, int err)
{
	char expected[64];

	loading->diag->denied |= err == -EACCES || err == -EPERM;
	(void)format(expected, sizeof(expected), "a file that can be read (%s)", error_name(err));
	blame_file(loading, file, expected);
}

bool policy_text_put(struct policy_text *text, const char *at, size_t len)
{
	if (len > sizeof(text->buffer) - text->len)
		return false;
	memcpy(text->buffer + text->len, at, len);
	text->len += len;
	return true;
}

bool policy_text_begin(struct policy_text *text, const char *path, struct text *file)
{
	*file = text_of("/" POLICY_DIR);
	if (!policy_text_put(text, "# /", 3) || !policy_text_put(text, path, strlen(path)) ||
	    !policy_text_put(text, "\n", 1))
		return false;
	file->len = strlen(path) + 1;
	file->at = text->buffer + text->len - 1 - file->len;
	return true;
}

const char *policy_distrust(int fd, bool folder)
{
	struct stat st;

	if (fstat(fd, &st))
		return "a file that says whose it is";
	if (!folder && !S_ISREG(st.st_mode))
		return "a regular file";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "a file that belongs to root";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "a file that nobody but its owner may write";
	return NULL;
}

/* Appends the file's content. One byte over the limit is read, to tell that it is over. */
static const char *read_content(struct policy_text *text, int fd, int *err)
{
	size_t room = POLICY_BYTES_MAX - text->content + 1;
	ssize_t n;

	if (room > sizeof(text->buffer) - text->len)
		room = sizeof(text->buffer) - text->len;
	while (room) {
		n = read(fd, text->buffer + text->len, room);
		if (n < 0)
			*err = -errno;
		if (n <= 0)
			return NULL;
		text->len += (size_t)n;
		text->content += (size_t)n;
		room -= (size_t)n;
	}
	return "at most 65536 bytes of policy";
}

static void load_file(struct loading *loading, const char *path)
{
	int fd = machine_openat(loading->machine, path, O_RDONLY | O_NONBLOCK);
	int err = fd < 0 ? fd : 0;
	struct policy_text *text = loading->text;
	const char *wrong = NULL;
	struct text file;
	size_t start;

	/* Not there at all is fine; a link that leads nowhere is there. */
	if (fd == -ENOENT && !machine_has(loading->machine, path))
		return;
	if (!policy_text_begin(text, path, &file))
		wrong = "fewer files";
	start = text->len;
	if (!wrong && !err)
		wrong = policy_distrust(fd, false);
	if (!wrong && !err)
		wrong = read_content(text, fd, &err);
	if (wrong)
		blame_file(loading, file, wrong);
	else if (err)
		blame_error(loading, file, err);
	else
		(void)policy_parse(loading->policy, file,
				   (struct text){ text->buffer + start, text->len - start },
				   loading->diag);
	if (text->len > start && text->buffer[text->len - 1] != '\n')
		(void)policy_text_put(text, "\n", 1);
	if (fd >= 0)
		(void)close(fd);
}

bool is_policy_name(const char *name)
{
	return name[0] != '.' && text_ends(text_of(name), ".conf");
}

bool is_null_link(const char *target)
{
	const char *at = target;

	while (!strncmp(at, "../", 3))
		at += 3;
	return !strcmp(at > target ? at - 1 : at, "/dev/null");
}

/* Goes through one folder; a name that is next before the one found so far takes its place. */
static int look_in(struct machine *machine, const char *folder, const char *last,
		   struct drop_in *next, bool *found)
{
	static struct dir dir;
	const char *other;
	int err = dir_open(machine, folder, &dir);

	if (err)
		return err == -ENOENT ? 0 : err;
	while ((other = dir_next(&dir, &err))) {
		if (!is_policy_name(other) || strcmp(other, last) <= 0)
			continue;
		if (*found && strcmp(other, next->name) >= 0)
			continue;
		*found = join(next->name, sizeof(next->name), other, "", "");
		next->folder = folder;
		next->distrust = policy_distrust(dir.fd, true);
	}
	dir_close(&dir);
	return err;
}

/* The folders are listed anew for each name: that takes no memory, however many files there are. */
int next_drop_in(struct machine *machine, struct drop_in *drop_in)
{
	static const char *const folders[] = { POLICY_DIR, VENDOR_DIR };
	char last[NAME_SIZE], target[32];
	bool found = false;
	ssize_t len;

	(void)join(last, sizeof(last), drop_in->name, "", "");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		int err = look_in(machine, folders[i], last, drop_in, &found);

		if (!err)
			continue;
		drop_in->folder = folders[i];
		return err;
	}
	if (!found)
		return 0;
	(void)join(drop_in->path, sizeof(drop_in->path), drop_in->folder, "/", drop_in->name);
	len = machine_readlink(machine, drop_in->path, target, sizeof(target));
	drop_in->off = len > 0 && is_null_link(target);
	return 1;
}

bool load_policy(struct machine *machine, struct policy_text *text, struct policy *policy,
		 struct diag *diag)
{
	struct loading loading = { machine, text, policy, diag };
	struct drop_in drop_in = { .name = "" };
	unsigned before = diag->mistakes;
	char folder[NAME_SIZE];
	int more;

	text->len = text->content = 0;
	load_file(&loading, POLICY_FILE);
	while ((more = next_drop_in(machine, &drop_in)) > 0) {
		struct text file;

		/* Who may write there may take a keep rule away. */
		if (drop_in.distrust)
			break;
		/* It says nothing, and is named: so what an image was built from can be compared. */
		if (!drop_in.off)
			load_file(&loading, drop_in.path);
		else if (!policy_text_begin(loading.text, drop_in.path, &file))
			blame_file(&loading, file, "fewer files");
	}
	(void)join(folder, sizeof(folder), "/", more ? drop_in.folder : "", "");
	if (more > 0)
		blame_file(&loading, text_of(folder), drop_in.distrust);
	else if (more < 0)
		blame_error(&loading, text_of(folder), more);
	return diag->mistakes == before;
}

bool policy_says_anything(const struct policy *policy)
{
	return policy->rule_count || policy->accept_cmdline;
}

ssize_t load_cmdline(struct machine *machine, char *buffer, size_t size)
{
	ssize_t len = machine_read(machine, "proc/cmdline", buffer, size);

	if (len == -ENOENT && !machine->live) {
		buffer[0] = '\0';
		return 0;
	}
	while (len > 0 && buffer[len - 1] == '\n')
		buffer[--len] = '\0';
	return len;
}

static char protect_buffer[PROTECT_BYTES_MAX];
static size_t protect_len;

int load_protect(struct machine *machine, const char *path, struct protect *protect)
{
	ssize_t len = machine_read(machine, path, protect_buffer, sizeof(protect_buffer));

	*protect = (struct protect){ .unknown = true };
	protect_len = len > 0 ? (size_t)len : 0;
	if (len < 0)
		return (int)len;
	return protect_parse(protect, load_protect_text()) ? -EINVAL : 0;
}

struct text load_protect_text(void)
{
	return (struct text){ protect_buffer, protect_len };
}

const char *error_name(int err)
{
	static const struct {
		uint8_t number;
		char name[13];
	} names[] = {
		{ EACCES, "EACCES" },         { EAGAIN, "EAGAIN" },
		{ EBUSY, "EBUSY" },           { EEXIST, "EEXIST" },
		{ EFBIG, "EFBIG" },           { EINTR, "EINTR" },
		{ EINVAL, "EINVAL" },         { EIO, "EIO" },
		{ EISDIR, "EISDIR" },         { ELOOP, "ELOOP" },
		{ EMFILE, "EMFILE" },         { ENAMETOOLONG, "ENAMETOOLONG" },
		{ ENODEV, "ENODEV" },         { ENOENT, "ENOENT" },
		{ ENOEXEC, "ENOEXEC" },       { ENOMEM, "ENOMEM" },
		{ ENOSPC, "ENOSPC" },         { ENOSYS, "ENOSYS" },
		{ ENOTDIR, "ENOTDIR" },       { ENXIO, "ENXIO" },
		{ EPERM, "EPERM" },           { EROFS, "EROFS" },
		{ ETIMEDOUT, "ETIMEDOUT" },   { EXDEV, "EXDEV" },
		{ E2BIG, "E2BIG" },           { EKEYREJECTED, "EKEYREJECTED" },
		{ EOPNOTSUPP, "EOPNOTSUPP" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].number == -err)
			return names[i].name;
	return "another error";
}
