/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/loginenv.h"

#include "core/plan/sessionenv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* ENV_PATH and ENV_SUPATH of Debian's login.defs(5) */
#define PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
#define PATH_ROOT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

bool loginenv_is_setting(const char *s)
{
	size_t len = strspn(s, LETTERS DIGITS "_");

	return len > 0 && !strchr(DIGITS, s[0]) && s[len] == '=';
}

static bool is_name_of(const char *s, const char *more)
{
	char allowed[sizeof(LETTERS DIGITS) + 8];

	(void)snprintf(allowed, sizeof(allowed), "%s%s", LETTERS DIGITS, more);
	return *s && strlen(s) <= 64 && strspn(s, allowed) == strlen(s) &&
	       strchr(LETTERS DIGITS, *s);
}

const char *loginenv_lang(char *text)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *value = line + strlen("LANG=");
		size_t len;

		if (strncmp(line, "LANG=", strlen("LANG=")) != 0)
			continue;
		if (*value == '"' || *value == '\'')
			value++;
		len = strcspn(value, "\"' \t\r");
		value[len] = '\0';
		return is_name_of(value, "-._@") ? value : NULL;
	}
	return NULL;
}

/* In the place of one of the same name, from the @from-th on. */
static int set(struct strlist *env, size_t from, const char *setting)
{
	size_t name = strcspn(setting, "=") + 1;

	for (size_t i = from; i < env->n; i++) {
		char *copy;

		if (strncmp(env->v[i], setting, name) != 0)
			continue;
		copy = strdup(setting);
		if (!copy)
			return -1;
		free(env->v[i]);
		env->v[i] = copy;
		return 0;
	}
	return strlist_add(env, setting);
}

static int put(struct strlist *env, const char *name, const char *value)
{
	char *setting;
	int r;

	if (asprintf(&setting, "%s=%s", name, value) < 0)
		return -1;
	r = set(env, 0, setting);
	free(setting);
	return r;
}

static int put_all(const struct loginenv *in, struct strlist *env)
{
	const char *lang =
		in->lang && is_name_of(in->lang, "-._@") ? in->lang : "C.UTF-8";
	const char *term = in->term && is_name_of(in->term, "-._+") ? in->term : NULL;
	char runtime[32];

	(void)snprintf(runtime, sizeof(runtime), "/run/user/%u", in->uid);
	if (put(env, "HOME", in->home) < 0 || put(env, "SHELL", in->shell) < 0 ||
		put(env, "USER", in->user) < 0 || put(env, "LOGNAME", in->user) < 0 ||
		put(env, "PATH", in->uid == 0 ? PATH_ROOT : PATH_USER) < 0 ||
		put(env, "LANG", lang) < 0 || (term && put(env, "TERM", term) < 0) ||
		put(env, "NSSHELL_SESSION", in->session) < 0)
		return -1;
	if (in->bus && *in->bus && put(env, "DBUS_SESSION_BUS_ADDRESS", in->bus) < 0)
		return -1;
	return in->uid == 0 ? 0 : put(env, "XDG_RUNTIME_DIR", runtime);
}

int loginenv_make(const struct loginenv *in, struct strlist *ret, struct err *e)
{
	size_t from = 0;

	if (put_all(in, ret) < 0 ||
		(in->in_session && strlist_add(ret, SESSIONENV_HERE) < 0))
		return err_set(e, ENOMEM, "make the environment");
	if (in->in_session)
		from = ret->n;
	for (size_t i = 0; i < in->n_extra; i++) {
		if (!loginenv_is_setting(in->extra[i]))
			return err_set(
				e, 0, "%s: takes the form NAME=VALUE", in->extra[i]);
		if (set(ret, from, in->extra[i]) < 0)
			return err_set(e, ENOMEM, "make the environment");
	}
	return 0;
}
