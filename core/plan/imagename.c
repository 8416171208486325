/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/imagename.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NAME_MOST 63
#define TAG_MOST  127

static bool is_small(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_between(char c)
{
	return c == '.' || c == '_' || c == '-';
}

bool imagename_is_name(const char *s, size_t len)
{
	if (len == 0 || len > NAME_MOST)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_small(s[i]) && (!is_between(s[i]) || i == 0 || i == len - 1 ||
					       is_between(s[i - 1])))
			return false;
	return true;
}

static bool is_tag(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > TAG_MOST || *s == '.' || *s == '-')
		return false;
	for (; *s; s++)
		if (!is_small(*s) && !(*s >= 'A' && *s <= 'Z') && !is_between(*s))
			return false;
	return true;
}

int imagename_parse(const char *text, char ret[IMAGE_NAME_MAX])
{
	size_t len = strcspn(text, ":");
	const char *tag = text[len] ? text + len + 1 : "latest";

	if (!imagename_is_name(text, len) || !is_tag(tag))
		return -1;
	(void)snprintf(ret, IMAGE_NAME_MAX, "%.*s:%s", (int)len, text, tag);
	return 0;
}

int imagename_of_reference(const char *text, char ret[IMAGE_NAME_MAX])
{
	const char *slash = strrchr(text, '/');
	char last[IMAGE_NAME_MAX];
	size_t len;

	text = slash ? slash + 1 : text;
	len = strcspn(text, "@");
	if (len >= sizeof(last))
		return -1;
	(void)snprintf(last, sizeof(last), "%.*s", (int)len, text);
	return imagename_parse(last, ret);
}

/* ---- digests ------------------------------------------------------------------------ */

static size_t hex_digits(const char *text)
{
	return strspn(text, "0123456789abcdef");
}

bool imagename_is_hex(const char *text)
{
	return hex_digits(text) == IMAGE_HEX && !text[IMAGE_HEX];
}

const char *imagename_digest_hex(const char *text)
{
	static const char kind[] = "sha256:";

	if (strncmp(text, kind, sizeof(kind) - 1) != 0)
		return NULL;
	text += sizeof(kind) - 1;
	return imagename_is_hex(text) ? text : NULL;
}

bool imagename_is_short(const char *text)
{
	size_t len = hex_digits(text);

	return len >= IMAGE_SHORT && len <= IMAGE_HEX && !text[len];
}
