/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/layername.h"

#include <string.h>

#define WHITEOUT ".wh."

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -1;
}

int layername_clean(const char *name, char ret[LAYER_NAME_MAX], const char **ret_why)
{
	size_t n = 0, depth = 0;

	for (name += strspn(name, "/"); *name; name += strspn(name, "/")) {
		size_t len = strcspn(name, "/");

		if (len == 2 && memcmp(name, "..", 2) == 0)
			return refuse(ret_why, "leads out of the layer by \"..\"");
		if (len > LAYER_PART_MAX || n + len + 2 > LAYER_NAME_MAX)
			return refuse(ret_why, "is longer than Linux takes");
		if (len != 1 || *name != '.') {
			if (++depth == LAYER_DEPTH_MAX)
				return refuse(ret_why, "is too deep, 256 names or more");
			if (n > 0)
				ret[n++] = '/';
			memcpy(ret + n, name, len);
			n += len;
		}
		name += len;
	}
	ret[n] = '\0';
	return 0;
}

const char *layername_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int layername_kind(char *path, const char **ret_why)
{
	size_t mark = sizeof(WHITEOUT) - 1;
	char *last = path + (layername_last(path) - path), *name = last + mark;

	if (strncmp(last, WHITEOUT, mark) != 0)
		return LAYER_ENTRY;
	if (strcmp(name, WHITEOUT ".opq") == 0) {
		if (last > path)
			last--;
		*last = '\0';
		return LAYER_OPAQUE;
	}
	if (strncmp(name, WHITEOUT, mark) == 0)
		return LAYER_AUFS;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return refuse(ret_why, "is a whiteout of nothing");
	memmove(last, name, strlen(name) + 1);
	return LAYER_WHITEOUT;
}

int layername_xattr_kept(const char *name)
{
	static const char *const exact[] = { "security.capability",
		"system.posix_acl_access", "system.posix_acl_default" };

	for (size_t i = 0; i < sizeof(exact) / sizeof(*exact); i++)
		if (strcmp(name, exact[i]) == 0)
			return 1;
	return strncmp(name, "user.", 5) == 0 && name[5] &&
	       strncmp(name, "user.overlay.", strlen("user.overlay.")) != 0;
}
