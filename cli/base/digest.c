/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "digest.h"

uint64_t digest_add(uint64_t digest, const void *at, size_t len)
{
	const unsigned char *bytes = at;

	for (size_t i = 0; i < len; i++)
		digest = (digest ^ bytes[i]) * UINT64_C(0x100000001b3);
	return digest;
}
