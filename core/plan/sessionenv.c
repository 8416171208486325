/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/sessionenv.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* One that ends with "*" stands for all that begin so. */
struct kept {
	const char *name, *why;
};

#define LOADER  "is heeded by the C library of the login program"
#define ACCOUNT "says who the account is, by passwd(5)"
#define SESSION "is the session's or its login program's to set"

/* glibc's unsecvars.h but for TMPDIR, and what loaders of other libraries have. */
static const struct kept kept[] = {
	{ "LD_*", LOADER },
	{ "_RLD*", LOADER },
	{ "GCONV_PATH", LOADER },
	{ "GETCONF_DIR", LOADER },
	{ "GLIBC_TUNABLES", LOADER },
	{ "HOSTALIASES", LOADER },
	{ "LOCALDOMAIN", LOADER },
	{ "LOCPATH", LOADER },
	{ "MALLOC_*", LOADER },
	{ "MUSL_LOCPATH", LOADER },
	{ "NIS_PATH", LOADER },
	{ "NLSPATH", LOADER },
	{ "RESOLV_HOST_CONF", LOADER },
	{ "RES_OPTIONS", LOADER },
	{ "TZDIR", LOADER },
	{ "HOME", ACCOUNT },
	{ "LOGNAME", ACCOUNT },
	{ "MAIL", ACCOUNT },
	{ "SHELL", ACCOUNT },
	{ "USER", ACCOUNT },
	{ "DBUS_SESSION_BUS_ADDRESS", SESSION },
	{ "DISPLAY", SESSION },
	{ "KRB5CCNAME", SESSION },
	{ "NOTIFY_SOCKET", SESSION },
	{ "NSSHELL_*", SESSION },
	{ "SSH_*", SESSION },
	{ "TERM", SESSION },
	{ "XAUTHORITY", SESSION },
	{ "XDG_RUNTIME_DIR", SESSION },
	{ "XDG_SEAT", SESSION },
	{ "XDG_SESSION_*", SESSION },
	{ "XDG_VTNR", SESSION },
};

static bool is_meant(const char *pattern, const char *name, size_t len)
{
	size_t n = strcspn(pattern, "*");

	return strncmp(pattern, name, n) == 0 && (pattern[n] == '*' || n == len) &&
	       n <= len;
}

const char *sessionenv_wrong(const char *setting)
{
	size_t len = strspn(setting, LETTERS DIGITS "_");

	if (len == 0 || strchr(DIGITS, setting[0]) || setting[len] != '=')
		return "isn't NAME=VALUE, the name of letters, digits and '_'";
	for (const char *at = setting + len; *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
			return "has a control character in it";
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (is_meant(kept[i].name, setting, len))
			return kept[i].why;
	return NULL;
}

bool sessionenv_is_same(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool is_among(const char *setting, const char *const *list)
{
	for (; *list; list++)
		if (sessionenv_is_same(setting, *list))
			return true;
	return false;
}

void sessionenv_merge(const char *const *env, const char *const *given, const char **ret)
{
	const char *const *here = env;

	while (*here && strcmp(*here, SESSIONENV_HERE) != 0)
		here++;
	for (; env < here; env++)
		if (!*here || (!is_among(*env, given) && !is_among(*env, here + 1)))
			*ret++ = *env;
	for (; *here && *given; given++)
		if (!is_among(*given, here + 1))
			*ret++ = *given;
	while (*here && *++here)
		*ret++ = *here;
	*ret = NULL;
}
