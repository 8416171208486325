/* SPDX-License-Identifier: BSD-3-Clause */
/* Owners, modes, attributes and times of a layer's files. */
#include "helpers/image/unpack_parts.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Whose ids are ones that a box has, as owners are; else a volume couldn't begin with what the image has there. */
static bool is_sound_acl(const struct layer_xattr *x)
{
	struct posix_acl_xattr_entry line;

	for (size_t at = sizeof(struct posix_acl_xattr_header);
		at + sizeof(line) <= x->size; at += sizeof(line)) {
		memcpy(&line, (const char *)x->value + at, sizeof(line));
		if ((le16toh(line.e_tag) == ACL_USER ||
			    le16toh(line.e_tag) == ACL_GROUP) &&
			le32toh(line.e_id) > LAYER_ID_MAX)
			return false;
	}
	return true;
}

static bool is_sound(const struct layer_xattr *x)
{
	uint32_t magic = 0;

	if (strncmp(x->name, "system.posix_acl_", strlen("system.posix_acl_")) == 0)
		return is_sound_acl(x);
	if (strcmp(x->name, "security.capability") != 0)
		return true;
	if (x->size >= sizeof(magic))
		memcpy(&magic, x->value, sizeof(magic));
	return x->size == XATTR_CAPS_SZ_2 &&
	       (magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_2;
}

static void note_xattr(struct unpacking *u, const char *name)
{
	char what[JAIL_NOTE_MAX];

	(void)snprintf(what, sizeof(what), "without its attribute %.60s", name);
	jail_note(u->said, what, u->path);
}

static int xattr_failed(struct unpacking *u, const struct layer_xattr *x)
{
	return err_set(&u->said->e, errno,
		"%.200s has an attribute %.60s of %zu bytes that can't be set here",
		u->path, x->name, x->size);
}

static int set_xattrs(struct unpacking *u, int fd)
{
	const char *block = u->xattrs;
	size_t left = u->head.xattrs_len;
	struct layer_xattr x;
	int r;

	while ((r = layerxattr_next(&block, &left, &x)) > 0) {
		if (fd < 0 || !layername_xattr_kept(x.name) || !is_sound(&x)) {
			note_xattr(u, x.name);
			continue;
		}
		if (fsetxattr(fd, x.name, x.value, x.size, 0) == 0)
			continue;
		if (errno != EOPNOTSUPP)
			return xattr_failed(u, &x);
		note_xattr(u, x.name);
	}
	return r < 0 ? unpack_refuse(u, u->path, "has attributes that are none") : 0;
}

/* The order matters: what is written, or given away, loses setuid and capabilities. */
int unpack_finish(struct unpacking *u, int fd)
{
	if (fchown(fd, u->head.uid, u->head.gid) < 0 || fchmod(fd, u->head.mode) < 0)
		return unpack_failed(u, "give away", u->path);
	return set_xattrs(u, fd);
}

struct timespec unpack_time_of(const struct layer_head *h)
{
	return (struct timespec){ .tv_sec = (time_t)h->sec, .tv_nsec = (long)h->nsec };
}

/* A time that is none is nobody's loss, nor one of what isn't there any more; one that the file system can't hold the kernel brings into its range. */
int unpack_set_time(struct unpacking *u, int dir, const char *name, struct timespec t,
	const char *path)
{
	const struct timespec both[2] = { t, t };
	int r = name ? utimensat(dir, name, both, AT_SYMLINK_NOFOLLOW)
		     : futimens(dir, both);

	return r == 0 || errno == EINVAL || errno == ENOENT
		       ? 0
		       : unpack_failed(u, "give a time to", path);
}

int unpack_finish_by_name(struct unpacking *u)
{
	const char *name = layername_last(u->path);

	if (fchownat(u->parent, name, u->head.uid, u->head.gid, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_failed(u, "give away", u->path);
	if (unpack_set_time(u, u->parent, name, unpack_time_of(&u->head), u->path) < 0)
		return -1;
	return set_xattrs(u, -1);
}
