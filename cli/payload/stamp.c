/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A link that leads nowhere, as /var/lib may be in a chroot, is as good as no file. */
static bool write_stamp(struct machine *machine, const char *path, const struct policy_text *policy)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool ok;

	if (!out)
		return false;
	(void)fputs(STAMP_HEADER "version " VERSION "\npolicy\n", out);
	(void)fwrite(policy->buffer, 1, policy->len, out);
	ok = !fclose(out) && !state_write(machine, path, (struct text){ text, len }, 0644);
	free(text);
	return ok;
}

void stamp_leave(struct machine *machine, const char *release, const char *dir,
		 const struct policy_text *text)
{
	char path[MACHINE_PATH_SIZE];

	if (!is_image(dir) || !join(path, sizeof(path), STAMP_DIR "/", release, ""))
		return;
	/* Better none than one of an older image. */
	if (!text || !write_stamp(machine, path, text))
		(void)state_remove(machine, path);
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
		stamp->when = state_time(machine, path);
		stamp->state = compare((struct text){ text, (size_t)len }, now, stamp);
	}
	free(text);
}

void stamp_leave_overlay(struct machine *machine, const char *release, const char *path)
{
	char stamp[MACHINE_PATH_SIZE], line[MACHINE_PATH_SIZE];

	if (join(stamp, sizeof(stamp), STAMP_OVERLAYS_DIR "/", release, "") &&
	    join(line, sizeof(line), path, "\n", ""))
		(void)state_write(machine, stamp, text_of(line), 0644);
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
