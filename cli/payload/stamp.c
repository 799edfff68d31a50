/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAMP_HEADER "vfio-bind-image 1\n"
#define STAMP_MAX    (sizeof(((struct policy_text *)NULL)->buffer) + 256)

/*
 * Every generator has made the directories of programs before it asks for a payload; somebody
 * who looks at what a payload is has not.
 */
static bool is_image(const char *dir)
{
	static const char *const programs[] = { "bin", "usr/bin" };
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool found = false;

	if (fd < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		found |= !faccessat(fd, programs[i], F_OK, AT_SYMLINK_NOFOLLOW);
	(void)close(fd);
	return found;
}

static bool make_dirs(struct machine *machine, const char *dir)
{
	/* A link that leads nowhere, as /var/lib may be in a chroot, fails here. */
	return !machine_mkdir(machine, "var") && !machine_mkdir(machine, "var/lib") &&
	       !machine_mkdir(machine, "var/lib/vfio-bind") && !machine_mkdir(machine, dir);
}

static bool write_stamp(int fd, const struct policy_text *text)
{
	FILE *out = fdopen(fd, "w");
	bool ok;

	if (!out) {
		(void)close(fd);
		return false;
	}
	(void)fputs(STAMP_HEADER "version " VERSION "\npolicy\n", out);
	(void)fwrite(text->buffer, 1, text->len, out);
	(void)fchmod(fd, 0644); /* whatever the caller's umask is */
	ok = !ferror(out);
	return !fclose(out) && ok;
}

static void remove_name(struct machine *machine, const char *name)
{
	int dir = machine_openat(machine, STAMP_DIR, O_PATH | O_DIRECTORY);

	if (dir < 0)
		return;
	(void)unlinkat(dir, name, 0);
	(void)close(dir);
}

static void replace(struct machine *machine, const char *release, const struct policy_text *text)
{
	char path[MACHINE_PATH_SIZE], unfinished[NAME_SIZE + sizeof(".new")];
	int fd;

	if (!make_dirs(machine, STAMP_DIR) || !join(path, sizeof(path), STAMP_DIR "/", release, ""))
		return;
	fd = machine_create(machine, path);
	if (fd < 0)
		return;
	if (write_stamp(fd, text) && !machine_commit(machine, path))
		return;
	/* Better none than one of an older image. */
	remove_name(machine, release);
	if (join(unfinished, sizeof(unfinished), release, ".new", ""))
		remove_name(machine, unfinished);
}

void stamp_leave(struct machine *machine, const char *release, const char *dir,
		 const struct policy_text *text)
{
	if (!is_image(dir))
		return;
	if (text)
		replace(machine, release, text);
	else
		remove_name(machine, release);
}

static bool take(struct text *rest, const char *word)
{
	size_t len = strlen(word);

	if (rest->len < len || memcmp(rest->at, word, len) != 0)
		return false;
	rest->at += len;
	rest->len -= len;
	return true;
}

static enum stamp_state compare(struct text rest, const struct policy_text *now,
				struct stamp *stamp)
{
	struct text version;

	if (!take(&rest, STAMP_HEADER) || !take(&rest, "version ") ||
	    !text_cut(&rest, '\n', &version) || version.len >= sizeof(stamp->version) ||
	    !take(&rest, "policy\n"))
		return STAMP_UNREADABLE;
	memcpy(stamp->version, version.at, version.len);
	if (!text_equal(rest, (struct text){ now->buffer, now->len }))
		return STAMP_POLICY;
	return text_is(version, VERSION) ? STAMP_SAME : STAMP_VERSION;
}

static time_t read_time(struct machine *machine, const char *path)
{
	int fd = machine_openat(machine, path, O_PATH);
	struct stat st = { 0 };

	if (fd >= 0) {
		(void)fstat(fd, &st);
		(void)close(fd);
	}
	return st.st_mtime;
}

void stamp_read(struct machine *machine, const char *release, const struct policy_text *now,
		struct stamp *stamp)
{
	char path[MACHINE_PATH_SIZE], *text = malloc(STAMP_MAX);
	ssize_t len = -ENAMETOOLONG;

	*stamp = (struct stamp){ .state = STAMP_UNREADABLE };
	if (text && join(path, sizeof(path), STAMP_DIR "/", release, ""))
		len = machine_read(machine, path, text, STAMP_MAX);
	if (len == -ENOENT) {
		stamp->state = STAMP_NONE;
	} else if (len >= 0) {
		stamp->when = read_time(machine, path);
		stamp->state = compare((struct text){ text, (size_t)len }, now, stamp);
	}
	free(text);
}

void stamp_leave_overlay(struct machine *machine, const char *release, const char *path)
{
	char stamp[MACHINE_PATH_SIZE];
	ssize_t len = (ssize_t)strlen(path);
	int fd;

	if (!make_dirs(machine, STAMP_OVERLAYS_DIR) ||
	    !join(stamp, sizeof(stamp), STAMP_OVERLAYS_DIR "/", release, ""))
		return;
	fd = machine_create(machine, stamp);
	if (fd < 0)
		return;
	(void)fchmod(fd, 0644);
	if (write(fd, path, (size_t)len) == len && write(fd, "\n", 1) == 1)
		(void)machine_commit(machine, stamp);
	(void)close(fd);
}

bool stamp_read_overlay(struct machine *machine, const char *release, char path[MACHINE_PATH_SIZE])
{
	char stamp[MACHINE_PATH_SIZE];
	ssize_t len = -1;

	if (join(stamp, sizeof(stamp), STAMP_OVERLAYS_DIR "/", release, ""))
		len = machine_read(machine, stamp, path, MACHINE_PATH_SIZE);
	if (len < 2 || path[len - 1] != '\n')
		return false;
	path[len - 1] = '\0';
	return true;
}
