/* SPDX-License-Identifier: BSD-3-Clause */
/* What is left of accounts that are gone, renamed or renumbered. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/run/mount/layers.h"
#include "core/run/session/leftover.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/session/record.h"
#include "core/run/session/volume_list.h"

#include <string.h>
#include <unistd.h>

#define NEXT "the next account with that uid"

static void look_at_sessions(struct findings *f)
{
	_cleanup_free_ struct record *all = NULL;
	size_t n, bad;
	struct err e;

	if (record_list(&all, &n, &bad, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct record *r = &all[i];

		if (record_is_alive(r->id, &e) != 1)
			continue;
		if (r->state == RECORD_UNKNOWN)
			findings_add(f, FINDING_WARNING,
				"its account: logins with Upper=disk or PrivateTmp=account are refused, "
				"and nobody can step into it",
				"end it (nsctl stop)",
				"session %s of %s can't be understood: it is of another version of nsshell, "
				"or its record is damaged",
				r->id, r->user);
		else if (account_has_uid(r->user, r->uid, &e) == 0)
			findings_add(f, FINDING_WARNING, NEXT ": its logins are refused",
				"end it (nsctl stop), and before the next userdel, usermod -l or -u end the "
				"account's sessions",
				"session %s of %s runs with uid %u, which isn't that account's any more",
				r->id, r->user, r->uid);
	}
}

static void look_at_layers(struct findings *f)
{
	_cleanup_free_ struct leftover *all = NULL;
	struct err e;
	size_t n;

	if (leftover_list(&all, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (all[i].gone && !all[i].old && !all[i].cut_off)
			findings_add(f, FINDING_WARNING,
				NEXT ": its logins with Upper=disk are refused",
				"nsctl gc --gone; or, if it was only renamed, write the new name into the "
				"file account there",
				"%s/%u has the layers of %s, which is gone or has another uid",
				PATH_UPPER, all[i].uid,
				all[i].name[0] ? all[i].name : "an account");
}

static void look_at_volumes(struct findings *f)
{
	_cleanup_free_ struct volume_owner *all = NULL;
	struct err e;
	size_t n;

	if (volume_owners(&all, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (all[i].gone && !all[i].cut_off)
			findings_add(f, FINDING_WARNING,
				NEXT ": its logins with Volumes= are refused",
				"nsctl gc --gone; or, if it was only renamed, write the new name into the "
				"file .account there",
				"%s/%u has the volumes of %s, which is gone or has another uid",
				PATH_VOLUMES, all[i].uid,
				all[i].name[0] ? all[i].name : "an account");
}

static void look_at_limits(struct findings *f)
{
	_cleanup_free_ struct override *all = NULL;
	struct err e;
	size_t n;

	if (override_list(&all, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (account_has_uid(all[i].name, all[i].uid, &e) == 0)
			findings_add(f, FINDING_NOTE,
				"nobody: they are given to no other account",
				all[i].in_use ? "they go with the account's last session"
					      : "nsctl gc takes them away",
				"%s/%u.set has limits of %s, which is gone or has another uid",
				PATH_ACCOUNTS, all[i].uid,
				all[i].name[0] ? all[i].name : "an account");
}

static void look_at_range(const char *line, size_t number, struct findings *f)
{
	char name[ACCOUNT_NAME_MAX];
	unsigned int uid, start;
	struct err e;

	if (sscanf(line, "%u %u %*u %255[^\n]", &uid, &start, name) == 3 &&
		account_has_uid(name, uid, &e) == 0)
		findings_add(f, FINDING_NOTE, "nobody, as long as there are ranges left",
			"take the line out once no file has an id of it (find / -uid, -gid); for an account "
			"that was renamed write the new name",
			PATH_RANGES
			":%zu: the range from %u on is that of %s, which is gone or has "
			"another uid",
			number, start, name);
}

static void look_at_ranges(struct findings *f)
{
	_cleanup_file_ FILE *in = fopen(PATH_RANGES, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	for (size_t number = 1; in && getline(&line, &size, in) >= 0; number++)
		look_at_range(line, number, f);
}

void check_gone(struct findings *f)
{
	if (geteuid() != 0)
		return;
	look_at_sessions(f);
	look_at_layers(f);
	look_at_volumes(f);
	look_at_limits(f);
	look_at_ranges(f);
}
