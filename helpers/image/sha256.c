/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/sha256.h"

#include <nettle/version.h>
#include <stdint.h>

void sha256_begin(struct sha256 *s)
{
	sha256_init(&s->ctx);
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
	sha256_update(&s->ctx, n, bytes);
}

void sha256_end(struct sha256 *s, char ret[IMAGE_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[SHA256_DIGEST_SIZE];

#if NETTLE_VERSION_MAJOR >= 4
	sha256_digest(&s->ctx, sum);
#else
	sha256_digest(&s->ctx, sizeof(sum), sum);
#endif
	for (size_t i = 0; i < sizeof(sum); i++) {
		ret[2 * i] = digits[sum[i] >> 4];
		ret[2 * i + 1] = digits[sum[i] & 15];
	}
	ret[2 * sizeof(sum)] = '\0';
}
