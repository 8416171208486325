/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids of an upper, of owners and in attributes, as its box sees them. */
#include "helpers/image/pack.h"

#include <endian.h>
#include <linux/capability.h>
#include <string.h>

/* linux/posix_acl.h */
#define ACL_USER  0x02
#define ACL_GROUP 0x08

int64_t pack_id_inside(const struct pack_ids *ids, uint32_t id)
{
	uint64_t before = 0;

	if (!ids)
		return id;
	for (size_t i = 0; i < ids->n_own; i++)
		if (ids->own[i] == id)
			return id;
	for (size_t i = 0; i < ids->n_ranges; i++) {
		const struct id_range *r = &ids->ranges[i];

		if (id >= r->start && id - r->start < r->count)
			return (int64_t)(before + id - r->start);
		before += r->count;
	}
	return -1;
}

struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
};

/* linux/posix_acl_xattr.h: a version, and then entries. Return: 0, or -1 where an id is nobody's. */
static int shift_acl(const struct pack_how *how, char *value, size_t size)
{
	for (size_t at = sizeof(uint32_t); at + sizeof(struct acl_entry) <= size;
		at += sizeof(struct acl_entry)) {
		struct acl_entry x;
		int64_t id;

		memcpy(&x, value + at, sizeof(x));
		if (le16toh(x.tag) != ACL_USER && le16toh(x.tag) != ACL_GROUP)
			continue;
		id = pack_id_inside(le16toh(x.tag) == ACL_USER ? how->uids : how->gids,
			le32toh(x.id));
		if (id < 0)
			return -1;
		x.id = htole32((uint32_t)id);
		memcpy(value + at, &x, sizeof(x));
	}
	return 0;
}

/* Of the box's root they are anybody's there: without whose. Return: its size then, or -1 where it is another's. */
static ssize_t shift_capability(const struct pack_how *how, void *value, size_t size)
{
	struct vfs_ns_cap_data cap;
	uint32_t magic;

	if (size != XATTR_CAPS_SZ_3)
		return (ssize_t)size;
	memcpy(&cap, value, sizeof(cap));
	if (pack_id_inside(how->uids, le32toh(cap.rootid)) != 0)
		return -1;
	magic = le32toh(cap.magic_etc) & VFS_CAP_FLAGS_MASK;
	cap.magic_etc = htole32(magic | VFS_CAP_REVISION_2);
	memcpy(value, &cap, XATTR_CAPS_SZ_2);
	return XATTR_CAPS_SZ_2;
}

ssize_t pack_value_inside(
	const struct pack_how *how, const char *name, void *value, size_t size)
{
	if (strcmp(name, "security.capability") == 0)
		return shift_capability(how, value, size);
	if (strncmp(name, "system.posix_acl_", 17) == 0 &&
		shift_acl(how, value, size) < 0)
		return -1;
	return (ssize_t)size;
}
