/* SPDX-License-Identifier: BSD-3-Clause */
/* Access control lists of a tar's entry, as the kernel has them. */
#pragma once

#include <stddef.h>

struct archive_entry;

/* Its attributes have no more bytes than this; xattr(7). */
#define READER_ACL_MAX 65536

/* One of the two lists that a file may have. */
struct reader_acl {
	const char *name; /* of the attribute, or of what tar has and the kernel can't */
	size_t size;
	unsigned char value[READER_ACL_MAX];
};

/**
 * reader_acl_take() - What an archive says by SCHILY.acl.access and its like
 * @entry: of libarchive, which has taken it in
 * @n:     0, 1, and so on, until there is no more
 * @ret:   the list; where it has none that the kernel would take, as somebody is named without an id, its name is that
 *         of tar's header and the value empty
 *
 * Return: 1 with @ret; 0 where the entry has no list of that number; -1 where there is no more.
 */
int reader_acl_take(struct archive_entry *entry, int n, struct reader_acl *ret);
