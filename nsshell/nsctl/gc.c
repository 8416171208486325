/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl gc: take away what crashed sessions left, and accounts that are gone. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/run/session/leftover.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/host/program.h"
#include "core/run/session/reconcile.h"
#include "core/run/session/volume_list.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static size_t orphans_print(const struct nsctl_session *s, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		char since[64];

		if (strcmp(s[i].state, "crashed") != 0)
			continue;
		found++;
		nsctl_time(s[i].record.since, since, sizeof(since));
		(void)printf(
			"session %s of %s, opened %s: its supervisor is gone; %ld processes%s%s\n",
			s[i].record.id, s[i].record.user, since,
			s[i].processes < 0 ? 0 : s[i].processes,
			s[i].record.cgroup[0] ? ", cgroup " : "", s[i].record.cgroup);
	}
	return found;
}

static int collect(bool dry, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	size_t n, bad, found, ended = 0;

	if (nsctl_sessions(NSCTL_REFUSE, &sessions, &n, &bad, e) < 0)
		return -1;
	found = orphans_print(sessions, n);
	if (!dry && reconcile_all(&ended, e) < 0)
		return -1;
	if (dry)
		(void)printf("%zu would be ended, %zu run\n", found, n - found);
	else
		(void)printf("%zu ended, %zu run\n", ended, n - found);
	return 0;
}

/* Limits that nsctl set gave to sessions which a crash has ended. */
static int collect_limits(bool dry, struct err *e)
{
	_cleanup_free_ struct override *all = NULL;
	size_t n;

	if (override_list(&all, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (all[i].in_use)
			continue;
		if (!dry && override_sweep(all[i].uid, e) < 0)
			return -1;
		(void)printf("limits of %s (uid %u), which has no session: %s\n",
			all[i].name[0] ? all[i].name : "an account", all[i].uid,
			dry ? "would be removed" : "removed");
	}
	return 0;
}

/* Of networks whose sessions a crash has ended: what is of no link any more. */
static int collect_networks(bool dry, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };

	if (dry || access(PATH_NET_RULES, F_OK) < 0 || access(PATH_NET, X_OK) < 0)
		return 0;
	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, "sweep") < 0)
		return err_set(e, ENOMEM, "look for what links have left");
	return program_run(&words, NULL, 0, "nsshell-net didn't answer", e);
}

/* ---- layers and volumes of accounts that are gone ------------------------------------------------ */

/* Whose go. */
struct gone {
	bool all;            /* of every account that is gone */
	const char *account; /* and of this one: its name, or its uid */
};

static bool is_meant(const struct gone *g, uid_t of, const char *name, bool is_gone)
{
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "%u", of);
	return (g->all && is_gone) ||
	       (g->account &&
		       (strcmp(g->account, name) == 0 || strcmp(g->account, uid) == 0));
}

static const char *what_of(const struct leftover *l, bool meant, bool dry)
{
	if (!meant)
		return l->gone ? "nsctl gc --gone removes them"
			       : "nsctl reset --old=remove removes them";
	return dry ? "would be removed" : "removed";
}

static int collect_layers(const struct gone *g, bool dry, struct err *e)
{
	_cleanup_free_ struct leftover *all = NULL;
	size_t n;

	if (leftover_list(&all, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct leftover *l = &all[i];
		bool meant = is_meant(g, l->uid, l->name, l->gone);

		if (!meant && !l->gone && !l->old)
			continue;
		if (meant && !dry && leftover_remove(l, e) < 0)
			return -1;
		(void)printf("layers of %s (uid %u)%s%s: %s\n",
			l->name[0] ? l->name : "an account", l->uid,
			l->gone && !l->cut_off ? ", which is gone" : "",
			l->cut_off ? ", replaced by newer ones"
			: l->old   ? ", set aside by nsctl reset"
				   : "",
			what_of(l, meant, dry));
	}
	return 0;
}

static int collect_volumes(const struct gone *g, bool dry, struct err *e)
{
	_cleanup_free_ struct volume_owner *all = NULL;
	size_t n;

	if (volume_owners(&all, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct volume_owner *o = &all[i];
		bool meant = is_meant(g, o->uid, o->name, o->gone);

		if (!meant && !o->gone)
			continue;
		if (meant && !dry && volume_remove_all(o, e) < 0)
			return -1;
		(void)printf("volumes of %s (uid %u)%s: %s\n",
			o->name[0] ? o->name : "an account", o->uid,
			o->cut_off ? ", whose removal was cut off"
			: o->gone  ? ", which is gone"
				   : "",
			!meant ? "nsctl gc --gone removes them"
			: dry  ? "would be removed"
			       : "removed");
	}
	return 0;
}

int nsctl_gc(int argc, char **argv)
{
	struct gone gone = { 0 };
	bool dry = false;
	const struct nsctl_option options[] = {
		{ 'n', "dry-run", NULL, "show it and leave it", &dry, NULL },
		{ 'g', "gone", NULL,
			"remove what accounts that are gone wrote with Upper=disk, and their volumes",
			&gone.all, NULL },
		{ 'a', "account", "USER",
			"remove what this account wrote with Upper=disk, and its volumes, gone or not",
			NULL, &gone.account },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (collect(dry, &e) < 0 || collect_networks(dry, &e) < 0 ||
		collect_limits(dry, &e) < 0 || collect_layers(&gone, dry, &e) < 0 ||
		collect_volumes(&gone, dry, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
