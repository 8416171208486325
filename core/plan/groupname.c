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
	const char *own = skip(at, "/nsshell/"), *systemds = skip(at, "/nsshell.slice/");
	uid_t uid;

	if (!own && !systemds)
		return NULL;
	at = skip_slice(own ? own : systemds);
	if (systemds)
		at = skip(at, "nsshell-");
	if (at)
		at = skip_uid(at, &uid);
	if (at && systemds)
		at = skip(at, ".scope");
	if (!at || strchr("/, \n", *at) == NULL)
		return NULL;
	*ret_uid = uid;
	return at;
}
