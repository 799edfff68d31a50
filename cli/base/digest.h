/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FNV-1a (draft-eastlake-fnv): tells two texts or files apart, but anybody can make up a text that
 * has a given one.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

uint64_t digest_add(uint64_t digest, const void *at, size_t len);

#endif
