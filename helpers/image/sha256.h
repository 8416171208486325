/* SPDX-License-Identifier: BSD-3-Clause */
/* sha256 of what passes by, as images name everything. */
#pragma once

#include "core/plan/imagename.h"

#include <nettle/sha2.h>

struct sha256 {
	struct sha256_ctx ctx;
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t n);
/* In hexadecimal digits, small ones. */
void sha256_end(struct sha256 *s, char ret[IMAGE_HEX + 1]);
