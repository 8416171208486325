/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the sessions, and finding those that a command is about. */
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/network/netcount.h"
#include "core/run/session/own_sessions.h"

#include <string.h>
#include <unistd.h>

/* A supervisor that is gone left its session behind: the next login, or nsctl gc, ends it. */
static const char *state_of(const struct nsctl_session *s, enum plan_cgroup_kind kind)
{
	const struct record *r = &s->record;
	struct err ignored;

	if (geteuid() == 0 && record_is_alive(r->id, &ignored) == 0)
		return "crashed";
	if (r->cgroup[0] && freeze_get(kind, r->cgroup) == 1)
		return "paused";
	return record_state_name(r->state);
}

void nsctl_session_look(struct nsctl_session *s)
{
	enum plan_cgroup_kind kind =
		s->record.cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE;

	usage_read(kind, s->record.cgroup, &s->usage);
	s->processes = cgroup_count(kind, s->record.cgroup);
	s->state = state_of(s, kind);
}

void nsctl_network_look(struct nsctl_session *s, size_t n)
{
	_cleanup_free_ struct netcount *all = NULL;
	size_t n_all = 0, at = 0;
	struct err ignored;

	while (at < n && s[at].record.number == 0)
		at++;
	if (at == n || geteuid() != 0 || netcount_read(&all, &n_all, &ignored) < 0)
		return;
	for (; at < n; at++)
		netcount_use(all, n_all, s[at].record.number, &s[at].usage);
}

/* Root reads them all; everybody else asks their own sessions. */
static int read_records(enum nsctl_others others, struct record **ret, size_t *ret_n,
	size_t *ret_bad, struct err *e)
{
	*ret_bad = 0;
	if (geteuid() == 0)
		return record_list(ret, ret_n, ret_bad, e);
	if (others == NSCTL_OWN)
		return own_sessions(ret, ret_n, e);
	return err_set(e, 0,
		"the records of sessions in " PATH_SESSIONS
		" are root's: run it as root");
}

/* Records, and nothing else filled in. */
static int records_read(enum nsctl_others others, struct nsctl_session **ret,
	size_t *ret_n, size_t *ret_bad, struct err *e)
{
	_cleanup_free_ struct record *records = NULL;

	if (read_records(others, &records, ret_n, ret_bad, e) < 0)
		return -1;
	*ret = calloc(*ret_n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < *ret_n; i++)
		(*ret)[i].record = records[i];
	return *ret ? 0 : err_set(e, ENOMEM, "read the records of sessions");
}

static bool is_named(const struct record *r, char *const *words, size_t n, bool *hit)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i], r->id) == 0 || strcmp(words[i], r->user) == 0)
			any = hit[i] = true;
	return any;
}

/* @words NULL: all */
static int gather(enum nsctl_others others, char *const *words, size_t n_words, bool *hit,
	struct nsctl_session **ret, size_t *ret_n, size_t *ret_bad, struct err *e)
{
	struct nsctl_session *all = NULL;
	size_t n_all = 0, n = 0;

	if (records_read(others, &all, &n_all, ret_bad, e) < 0)
		return -1;
	for (size_t i = 0; all && i < n_all; i++) {
		if (words && !is_named(&all[i].record, words, n_words, hit))
			continue;
		all[n] = all[i];
		all[n].cpu = -1;
		nsctl_session_look(&all[n++]);
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int nsctl_sessions(enum nsctl_others others, struct nsctl_session **ret, size_t *ret_n,
	size_t *ret_bad, struct err *e)
{
	return gather(others, NULL, 0, NULL, ret, ret_n, ret_bad, e);
}

int nsctl_targets(enum nsctl_others others, char *const *words, size_t n_words,
	struct nsctl_session **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ struct nsctl_session *found = NULL;
	_cleanup_free_ bool *hit = calloc(n_words + 1, sizeof(*hit));
	size_t n = 0, bad = 0;

	if (!hit)
		return err_set(e, ENOMEM, "read the records of sessions");
	if (gather(others, words, n_words, hit, &found, &n, &bad, e) < 0)
		return -1;
	for (size_t i = 0; i < n_words; i++)
		if (!hit[i])
			return err_set(e, 0,
				"no session has the id, and no account with a session the name, \"%.100s\" (see \"nsctl list\")",
				words[i]);
	*ret = found;
	found = NULL;
	*ret_n = n;
	return 0;
}
