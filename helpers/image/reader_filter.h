/* SPDX-License-Identifier: BSD-3-Clause */
/* How an archive is compressed, by its first bytes. */
#pragma once

#include <stddef.h>

/* Return: ARCHIVE_FILTER_GZIP and its like, for archive_read_append_filter(3); ARCHIVE_FILTER_NONE. */
int reader_filter(const void *bytes, size_t n);
