/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the last image build of each kernel put into its image, so that nobody has to read the
 * image to know: /var/lib/vfio-bind/images/RELEASE,
 *
 *	vfio-bind-image 1
 *	version VERSION
 *	policy
 *
 * and then the policy as load_policy() reads it. The file's own time says when that was.
 */
#ifndef STAMP_H
#define STAMP_H

#include "base/state.h"
#include "load.h"

#include <time.h>

#define STAMP_DIR STATE_DIR "/images"

/* Where the last overlay for each kernel lies, as a path below the root. */
#define STAMP_OVERLAYS_DIR STATE_DIR "/overlays"
void stamp_leave_overlay(struct machine *machine, const char *release, const char *path);
bool stamp_read_overlay(struct machine *machine, const char *release, char path[MACHINE_PATH_SIZE]);

/*
 * Leaves the stamp of an image that is being built at dir, or removes it where text is NULL: no
 * rules, and so nothing in the image. A dir that is no image leaves all as it is. A stamp is a
 * courtesy: whatever goes wrong, nobody is told.
 */
void stamp_leave(struct machine *machine, const char *release, const char *dir,
		 const struct policy_text *text);

enum stamp_state {
	STAMP_NONE,       /* no image of ours was built */
	STAMP_SAME,       /* with this policy, by this version */
	STAMP_POLICY,     /* with another policy */
	STAMP_VERSION,    /* with this policy, by another version */
	STAMP_UNREADABLE, /* there is one, but nobody can say what it means */
};

struct stamp {
	enum stamp_state state;
	char version[32]; /* the one that built it */
	time_t when;
};

/* Compares the stamp of a kernel with the policy there is now. */
void stamp_read(struct machine *machine, const char *release, const struct policy_text *now,
		struct stamp *stamp);

#endif
