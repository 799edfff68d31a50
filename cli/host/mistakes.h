/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mistakes of the policy as JSON has them. */
#ifndef MISTAKES_H
#define MISTAKES_H

#include "base/json.h"
#include "host.h"

/*
 * An array of them all, empty where there is none. The policy is read a second time for it:
 * whoever reads stderr has seen them by then.
 */
struct json_object *mistakes_array(struct host *host);

#endif
