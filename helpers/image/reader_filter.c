/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/reader_filter.h"

#include <archive.h>
#include <string.h>

/* All that libarchive does by itself: for others it would start programs. */
static const struct {
	const char *magic;
	size_t n;
	int filter;
} magics[] = {
#define MAGIC(bytes, filter)                                                             \
	{                                                                                \
		bytes, sizeof(bytes) - 1, filter                                         \
	}
	MAGIC("\x1f\x8b\x08", ARCHIVE_FILTER_GZIP),
	MAGIC("BZh", ARCHIVE_FILTER_BZIP2),
	MAGIC("\xfd"
	      "7zXZ\0",
		ARCHIVE_FILTER_XZ),
	MAGIC("\x5d\0\0", ARCHIVE_FILTER_LZMA),
	MAGIC("LZIP", ARCHIVE_FILTER_LZIP),
	MAGIC("\x28\xb5\x2f\xfd", ARCHIVE_FILTER_ZSTD),
	MAGIC("\x04\x22\x4d\x18", ARCHIVE_FILTER_LZ4),
	MAGIC("\x02\x21\x4c\x18", ARCHIVE_FILTER_LZ4), /* as it was before 2013 */
	MAGIC("\x1f\x9d", ARCHIVE_FILTER_COMPRESS),
#undef MAGIC
};

int reader_filter(const void *bytes, size_t n)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (n > magics[i].n && memcmp(bytes, magics[i].magic, magics[i].n) == 0)
			return magics[i].filter;
	return ARCHIVE_FILTER_NONE;
}
