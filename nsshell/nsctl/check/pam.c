/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at the PAM stacks: whether logins reach our line, last, and skip pam_systemd
 * or pam_elogind. */
#include "nsshell/nsctl/check/findings.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "helpers/client/protocol.h"

#include <string.h>
#include <unistd.h>

static void flat_cleanup(struct pamstack_flat *f)
{
	pamstack_flat_clear(f);
}

/* What is known of one service while it is looked at. */
struct look {
	const char *service;
	const struct pamstack_flat *stack;
	size_t enter; /* index of the line that enters, stack->n where there is none */
	char whom[256];
};

static const char *path_at(const struct look *l, size_t i)
{
	return l->stack->v[i].file->path;
}

static size_t line_at(const struct look *l, size_t i)
{
	return l->stack->v[i].line->number;
}

static void check_last(const struct look *l, struct findings *f)
{
	const struct pamstack_flat *s = l->stack;

	for (size_t i = l->enter + 1; i < s->n; i++) {
		if (s->v[i].line->role == PAMSTACK_ENTERS ||
			s->v[i].line->kind == PAMSTACK_SUBSTACK)
			continue;
		findings_add(f, FINDING_ERROR, l->whom,
			"make the line that enters the last session line: \"nsctl disable\" and "
			"\"nsctl enable\" the service",
			"%s:%zu: %s runs after the line that enters the box (%s:%zu), as the box's root",
			path_at(l, i), line_at(l, i), s->v[i].line->target,
			path_at(l, l->enter), line_at(l, l->enter));
		return;
	}
}

static void check_bypass(const struct look *l, struct findings *f)
{
	size_t i = pamstack_bypass(l->stack, l->enter);

	if (i != l->enter)
		findings_add(f, FINDING_ERROR, l->whom,
			"make it required or optional, or rewrite it without \"done\" or the jump",
			"%s:%zu: %s can end the stack before the line that enters the box (%s:%zu): "
			"the login is outside then",
			path_at(l, i), line_at(l, i), l->stack->v[i].line->target,
			path_at(l, l->enter), line_at(l, l->enter));
}

/* How the gate comes above pam_systemd: Debian's shared file is pam-auth-update's. */
static const char *gate_todo(const struct look *l, size_t i)
{
	if (strcmp(l->stack->v[i].file->name, "common-session") == 0 &&
		strstr(l->stack->v[i].line->target, "pam_systemd.so") &&
		access(PATH_PAM_PROFILE, F_OK) == 0)
		return "pam-auth-update --disable systemd --enable nsshell";
	return "\"nsctl enable\" the service, which adds the gate";
}

static void check_gates(const struct look *l, struct findings *f)
{
	const struct pamstack_flat *s = l->stack;

	for (size_t i = pamstack_next(s, 0, PAMSTACK_REGISTERS); i < s->n;
		i = pamstack_next(s, i + 1, PAMSTACK_REGISTERS)) {
		bool gated = pamstack_gated(s, i);

		if (!gated && l->enter < s->n)
			findings_add(f, FINDING_WARNING, l->whom, gate_todo(l, i),
				"%s:%zu: %s runs without nsshell's gate right above it: the host "
				"registers the login, and starts the account's user manager where "
				"it has such, outside the box",
				path_at(l, i), line_at(l, i), s->v[i].line->target);
		if (gated && l->enter == s->n)
			findings_add(f, FINDING_WARNING, l->whom,
				"\"nsctl enable\" the service, or take it out of Services=",
				"%s is in Services= but not enabled, and the gate above %s:%zu skips %s: such "
				"logins have neither a box nor an XDG_RUNTIME_DIR",
				l->service, path_at(l, i), line_at(l, i),
				s->v[i].line->target);
	}
}

#define ELSEWHERE(service)                                                               \
	"put it into " PATH_PAM_D "/" service ", and a gate above it here: pam_nsshell(8)"

/* Session modules that have something to do at the end, which they can't do in a box. */
static const struct closing {
	const char *module, *left;
} closings[] = {
	{ "pam_afs_session.so", "its tokens stay" },
	{ "pam_ecryptfs.so", "what it mounted stays mounted" },
	{ "pam_exec.so", "what it runs at a logout runs in the box" },
	{ "pam_fscrypt.so", "what it unlocked stays unlocked" },
	{ "pam_krb5.so", "its tickets stay" },
	{ "pam_mount.so", "what it mounted stays mounted" },
	{ "pam_script.so", "what it runs at a logout runs in the box" },
	{ "pam_systemd_home.so", "the home stays unlocked" },
	{ "pam_wtmpdb.so", "the logout isn't noted, nor is what sshd notes itself" },
	{ "pam_zfs_key.so", "what it mounted stays mounted" },
};

static const struct closing *closing_of(const char *target)
{
	const char *slash = strrchr(target, '/');

	for (size_t i = 0; i < sizeof(closings) / sizeof(*closings); i++)
		if (strcmp(slash ? slash + 1 : target, closings[i].module) == 0)
			return &closings[i];
	return NULL;
}

static void check_closings(const struct look *l, struct findings *f)
{
	const struct pamstack_flat *s = l->stack;

	for (size_t i = 0; i < l->enter; i++) {
		const struct closing *c = s->v[i].line->kind == PAMSTACK_CALL
						  ? closing_of(s->v[i].line->target)
						  : NULL;

		if (c && !pamstack_gated(s, i))
			findings_add(f, FINDING_NOTE, l->whom,
				strcmp(c->module, "pam_wtmpdb.so") == 0
					? ELSEWHERE("nsshell-login")
					: ELSEWHERE("nsshell-session"),
				"%s:%zu: %s opens the session on the host and closes it in the box: %s",
				path_at(l, i), line_at(l, i), s->v[i].line->target,
				c->left);
	}
}

static void check_service(const struct pamstack_dir *d, const char *service, bool listed,
	struct findings *f)
{
	_cleanup_(flat_cleanup) struct pamstack_flat stack = { 0 };
	struct look l = { .service = service, .stack = &stack };
	struct err e;

	(void)snprintf(l.whom, sizeof(l.whom), "isolated accounts that log in through %s",
		service);
	if (pamstack_flatten(d, service, &stack, &e) < 0) {
		findings_add(f, FINDING_WARNING, l.whom,
			"mend the line; PAM may refuse it as well",
			"the session stack of %s isn't understood: %s", service, e.msg);
		return;
	}
	l.enter = pamstack_next(&stack, 0, PAMSTACK_ENTERS);
	check_gates(&l, f);
	if (l.enter < stack.n) {
		check_pam_line(&stack.v[l.enter], l.whom, f);
		check_last(&l, f);
		check_bypass(&l, f);
		check_closings(&l, f);
		if (!listed)
			findings_add(f, FINDING_NOTE, l.whom,
				"add it to Services= where it should be isolated, else disable it",
				"%s is enabled but no Services= lists it", service);
	}
}

/* Whether a file has the line itself; those that include it are named by the config. */
static bool has_enter(const struct pamstack_file *file)
{
	for (size_t i = 0; i < file->n; i++)
		if (file->lines[i].kind == PAMSTACK_CALL &&
			file->lines[i].role == PAMSTACK_ENTERS)
			return true;
	return false;
}

/* A service file of which libpam believes what anybody may have written. */
static void check_locked(const struct pamstack_file *file, struct findings *f)
{
	if (file->locked && (strstr(file->locked, "isn't root's") ||
				    strstr(file->locked, "written by others")))
		findings_add(f, FINDING_ERROR, "every login through it",
			"chown it to root and chmod go-w it, after a look at what is in it",
			"%s %s", file->path, file->locked);
}

void check_pam(
	const struct pamstack_dir *d, const struct strlist *listed, struct findings *f)
{
	for (size_t i = 0; i < listed->n; i++) {
		if (pamstack_find(d, listed->v[i]))
			check_service(d, listed->v[i], true, f);
		else if (strcmp(listed->v[i], PROTO_SERVICE_DOOR) != 0)
			findings_add(f, FINDING_NOTE, "nobody",
				"nothing, or take it out of Services=",
				"%s is in Services=, but there is no such PAM service here",
				listed->v[i]);
	}
	for (size_t i = 0; i < d->n; i++) {
		check_locked(&d->files[i], f);
		if (has_enter(&d->files[i]) && !strlist_has(listed, d->files[i].name))
			check_service(d, d->files[i].name, false, f);
	}
}
