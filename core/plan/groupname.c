/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/groupname.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SLICE ".slice"

static const char *skip(const char *at, const char *words)
{
	size_t len = strlen(words);

	return strncmp(at, words, len) == 0 ? at + len : NULL;
}

/* "NAME.slice/", where that is what comes next; else nothing. */
static const char *skip_slice(const char *at)
{
	size_t len = strcspn(at, "/, \n"), ending = strlen(SLICE);

	if (at[len] != '/' || len <= ending ||
		strncmp(at + len - ending, SLICE, ending) != 0)
		return at;
	return at + len + 1;
}

static const char *skip_uid(const char *at, uid_t *ret)
{
	size_t len = strspn(at, "0123456789");
	uint64_t n = 0;

	if (len == 0 || len > 10)
		return NULL;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (uint64_t)(at[i] - '0');
	if (n > UINT32_MAX)
		return NULL;
	*ret = (uid_t)n;
	return at + len;
}

const char *groupname_skip(const char *at, uid_t *ret_uid)
{
	const char *top = skip(at, "/nsshell"), *systemds = NULL, *rest;
	uid_t uid;

	if (top)
		systemds = skip(top, ".slice/");
	rest = systemds ? systemds : top ? skip(top, "/") : NULL;
	if (!rest)
		return NULL;
	rest = skip_slice(rest);
	if (systemds)
		rest = skip(rest, "nsshell-");
	if (rest)
		rest = skip_uid(rest, &uid);
	if (rest && systemds)
		rest = skip(rest, ".scope");
	if (!rest || !strchr("/, \n", *rest))
		return NULL;
	*ret_uid = uid;
	return rest;
}
