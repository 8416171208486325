/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/shell/env.h"

#include "core/plan/sessionenv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* login.defs(5) of Debian; only where the caller has none. */
#define PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

/* Ours to say, or of a place that isn't there inside. */
static const char *const left_out[] = { "HOME", "SHELL", "USER", "LOGNAME",
	"NSSHELL_SESSION", "NSSHELL_ENVIRONMENT", "XDG_RUNTIME_DIR", "XDG_SESSION_ID",
	"DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK", "SSH_TTY", NULL };

static bool is_named(const char *setting, const char *name)
{
	size_t len = strlen(name);

	return strncmp(setting, name, len) == 0 && setting[len] == '=';
}

static bool is_left_out(const char *setting)
{
	if (!strchr(setting, '='))
		return true;
	for (const char *const *name = left_out; *name; name++)
		if (is_named(setting, *name))
			return true;
	return false;
}

static int put(
	struct nsshell_env *env, const char *name, const char *value, struct err *e)
{
	char *text = env->text[env->n_text++];
	int len = snprintf(text, sizeof(env->text[0]), "%s=%s", name, value);

	if (len < 0 || (size_t)len >= sizeof(env->text[0]))
		return err_set(e, ENAMETOOLONG, "set %s", name);
	env->v[env->n++] = text;
	return 0;
}

int nsshell_env_make(const struct door_answer *a, const char *shell, bool tty, bool agent,
	struct nsshell_env *ret, struct err *e)
{
	const size_t room = NSSHELL_ENV_MAX - sizeof(ret->text) / sizeof(*ret->text);
	bool has_path = false, has_tty = false;

	ret->n = ret->n_text = 0;
	if (put(ret, "HOME", a->home, e) < 0 || put(ret, "SHELL", shell, e) < 0 ||
		put(ret, "USER", a->name, e) < 0 || put(ret, "LOGNAME", a->name, e) < 0 ||
		put(ret, "NSSHELL_SESSION", a->id, e) < 0 ||
		put(ret, "XDG_RUNTIME_DIR", a->runtime_dir, e) < 0 ||
		(*a->bus && put(ret, "DBUS_SESSION_BUS_ADDRESS", a->bus, e) < 0) ||
		(agent && put(ret, "SSH_AUTH_SOCK", "", e) < 0))
		return -1;
	for (char **v = environ; *v && ret->n < room; v++) {
		has_path |= is_named(*v, "PATH");
		has_tty |= is_named(*v, "SSH_TTY");
		if (!is_left_out(*v))
			ret->v[ret->n++] = *v;
	}
	if ((!has_path && put(ret, "PATH", PATH_USER, e) < 0) ||
		(has_tty && tty && put(ret, "SSH_TTY", "", e) < 0))
		return -1;
	/* As with a login program: over what came from outside. */
	ret->v[ret->n++] = SESSIONENV_HERE;
	ret->v[ret->n] = NULL;
	return 0;
}
