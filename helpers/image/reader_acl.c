/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/reader_acl.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What libarchive calls them, and what a tar and the kernel do. */
struct kind {
	int type;
	const char *header, *name;
};

static const struct kind kinds[] = {
	{ ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "SCHILY.acl.access", "system.posix_acl_access" },
	{ ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "SCHILY.acl.default",
		"system.posix_acl_default" },
	{ ARCHIVE_ENTRY_ACL_TYPE_NFS4, "SCHILY.acl.ace", NULL },
};

static const struct {
	int tag;
	unsigned int kernel;
} tags[] = {
	{ ARCHIVE_ENTRY_ACL_USER_OBJ, ACL_USER_OBJ },
	{ ARCHIVE_ENTRY_ACL_USER, ACL_USER },
	{ ARCHIVE_ENTRY_ACL_GROUP_OBJ, ACL_GROUP_OBJ },
	{ ARCHIVE_ENTRY_ACL_GROUP, ACL_GROUP },
	{ ARCHIVE_ENTRY_ACL_MASK, ACL_MASK },
	{ ARCHIVE_ENTRY_ACL_OTHER, ACL_OTHER },
};

static unsigned int tag_of(int tag)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (tags[i].tag == tag)
			return tags[i].kernel;
	return 0;
}

/* The kernel takes tags in this order only. */
static int by_tag(const void *a, const void *b)
{
	const struct posix_acl_xattr_entry *x = a, *y = b;

	if (x->e_tag != y->e_tag)
		return (int)le16toh(x->e_tag) - (int)le16toh(y->e_tag);
	return le32toh(x->e_id) < le32toh(y->e_id) ? -1 : x->e_id != y->e_id;
}

/* Return: 0, or -1 where the kernel has no such line. */
static int make(struct posix_acl_xattr_entry *ret, int tag, int perm, int id)
{
	unsigned int kernel = tag_of(tag);
	bool named = kernel == ACL_USER || kernel == ACL_GROUP;

	if (kernel == 0 || (named && id < 0))
		return -1;
	ret->e_tag = htole16((uint16_t)kernel);
	ret->e_perm = htole16((uint16_t)(perm & 07));
	ret->e_id = htole32(named ? (uint32_t)id : (uint32_t)ACL_UNDEFINED_ID);
	return 0;
}

/* Return: its bytes, or 0 where it can't be had. */
static size_t lines(
	struct archive_entry *entry, int want, unsigned char value[READER_ACL_MAX])
{
	const struct posix_acl_xattr_header head = { htole32(POSIX_ACL_XATTR_VERSION) };
	size_t at = sizeof(head), n = 0;
	int type, perm, tag, id, r;
	const char *name;

	memcpy(value, &head, sizeof(head));
	while ((r = archive_entry_acl_next(
			entry, want, &type, &perm, &tag, &id, &name)) == ARCHIVE_OK) {
		struct posix_acl_xattr_entry line;

		if (at + sizeof(line) > READER_ACL_MAX || make(&line, tag, perm, id) < 0)
			return 0;
		memcpy(value + at, &line, sizeof(line));
		at += sizeof(line);
		n++;
	}
	qsort(value + sizeof(head), n, sizeof(struct posix_acl_xattr_entry), by_tag);
	return r == ARCHIVE_EOF ? at : 0;
}

int reader_acl_take(struct archive_entry *entry, int n, struct reader_acl *ret)
{
	const struct kind *k = &kinds[n];

	if ((size_t)n >= sizeof(kinds) / sizeof(*kinds))
		return -1;
	/* The mode alone is no list. */
	if (archive_entry_acl_reset(entry, k->type) == 0)
		return 0;
	ret->size = k->name ? lines(entry, k->type, ret->value) : 0;
	ret->name = ret->size > 0 ? k->name : k->header;
	return 1;
}
