/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/layerentry.h"

#include "core/plan/layername.h"

#include <string.h>

static int64_t refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -1;
}

static int64_t check_file(const struct layer_head *h, const char **ret_why)
{
	bool has_link = h->kind == LAYER_SYMLINK || h->kind == LAYER_HARDLINK;

	if (h->path_len == 0 || h->path_len >= LAYER_NAME_MAX)
		return refuse(ret_why, "no path, or one longer than Linux takes");
	if (has_link != (h->link_len > 0) || h->link_len >= LAYER_NAME_MAX)
		return refuse(ret_why, "a link to nothing, or too far");
	if (h->xattrs_len > LAYER_XATTRS_MAX)
		return refuse(ret_why, "more extended attributes than a file may have");
	if (h->mode & ~07777U)
		return refuse(ret_why, "a mode that is none");
	if (h->uid > LAYER_ID_MAX || h->gid > LAYER_ID_MAX)
		return refuse(ret_why, "an owner beyond 65534");
	if (h->nsec >= 1000000000U)
		return refuse(ret_why, "a time that is none");
	if (h->size > INT64_MAX)
		return refuse(ret_why, "a size that is none");
	return (int64_t)h->path_len + h->link_len + h->xattrs_len;
}

int64_t layerentry_check(const struct layer_head *h, const char **ret_why)
{
	switch (h->kind) {
	case LAYER_FILE:
	case LAYER_DIRECTORY:
	case LAYER_SYMLINK:
	case LAYER_HARDLINK:
	case LAYER_FIFO:
	case LAYER_OTHER:
		return check_file(h, ret_why);
	case LAYER_DATA:
		if (h->size == 0 || h->size > LAYER_DATA_MAX ||
			h->offset > (uint64_t)INT64_MAX - h->size)
			return refuse(ret_why, "data of no or too many bytes");
		return (int64_t)h->size;
	case LAYER_END:
		return 0;
	default:
		return refuse(ret_why, "a kind of entry that there isn't");
	}
}

/* ---- extended attributes ------------------------------------------------------------ */

struct lengths {
	uint32_t name, value;
};

size_t layerxattr_put(
	char *block, size_t at, const char *name, const void *value, size_t size)
{
	struct lengths len = { (uint32_t)strlen(name), (uint32_t)size };

	if (len.name == 0 || len.name > LAYER_XATTR_NAME || size > LAYER_XATTR_VALUE ||
		at + sizeof(len) + len.name + len.value > LAYER_XATTRS_MAX)
		return 0;
	memcpy(block + at, &len, sizeof(len));
	at += sizeof(len);
	memcpy(block + at, name, len.name);
	at += len.name;
	if (size > 0)
		memcpy(block + at, value, size);
	return at + size;
}

int layerxattr_next(const char **block, size_t *left, struct layer_xattr *ret)
{
	struct lengths len;

	if (*left == 0)
		return 0;
	if (*left < sizeof(len))
		return -1;
	memcpy(&len, *block, sizeof(len));
	if (len.name == 0 || len.name > LAYER_XATTR_NAME ||
		len.value > LAYER_XATTR_VALUE ||
		sizeof(len) + len.name + len.value > *left)
		return -1;
	memcpy(ret->name, *block + sizeof(len), len.name);
	ret->name[len.name] = '\0';
	ret->value = *block + sizeof(len) + len.name;
	ret->size = len.value;
	*block += sizeof(len) + len.name + len.value;
	*left -= sizeof(len) + len.name + len.value;
	return strlen(ret->name) == len.name ? 1 : -1;
}
