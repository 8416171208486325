/* SPDX-License-Identifier: BSD-3-Clause */
/* What boxes share, and what they need of the host. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/plan/plan.h"
#include "core/plan/subids.h"
#include "core/run/mount/lxcfs.h"

#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define EVERY_BOX "every isolated session"

/* ---- subordinate ids ---------------------------------------------------------------- */

static void overlap_add(const char *path, const struct subids_range *a,
	const struct subids_range *b, struct findings *f)
{
	char whom[300];

	(void)snprintf(whom, sizeof(whom), "%.120s and %.120s", a->name, b->name);
	findings_add(f, FINDING_ERROR, whom,
		"give one of them another range (usermod --del-subuids, --add-subuids), and chown what it has written",
		"%s:%zu: the range of %s from %" PRIu64
		" on overlaps that of %s in line %zu: the boxes of both are one and the same user's",
		path, b->line, b->name, b->start, a->name, a->line);
}

/* Root of somebody's box would be that account on the host. */
static void holds_account(
	const char *path, const struct subids_range *r, struct findings *f)
{
	const struct passwd *pw;

	setpwent();
	while ((pw = getpwent()))
		if (pw->pw_uid >= r->start && pw->pw_uid - r->start < r->count) {
			findings_add(f, FINDING_ERROR, r->name,
				"give it a range that holds no account",
				"%s:%zu: the range of %s holds the uid %u of %s", path,
				r->line, r->name, pw->pw_uid, pw->pw_name);
			break;
		}
	endpwent();
}

static void look_at_ranges(const char *path, char *text, bool uids, struct findings *f)
{
	_cleanup_free_ struct subids_range *v = NULL;
	struct subids_walk w = { 0 };
	ssize_t n = subids_parse(text, &v);

	if (n < 0) {
		f->no_memory = true;
		return;
	}
	while (subids_overlap(v, (size_t)n, &w))
		overlap_add(path, w.first, w.second, f);
	for (ssize_t i = 0; uids && i < n; i++)
		holds_account(path, &v[i], f);
}

void check_subids(const char *path, bool uids, struct findings *f)
{
	_cleanup_file_ FILE *in = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	/* Up to a 0 byte, which is nowhere in it: all of it. */
	if (in && getdelim(&text, &size, '\0', in) > 0)
		look_at_ranges(path, text, uids, f);
}

/* ---- files -------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

static void check_resolv_conf(struct findings *f)
{
	static const char path[] = "/etc/resolv.conf";
	_cleanup_free_ char *target = realpath(path, NULL);

	if (!target || !is_below(target, "/run"))
		return;
	for (size_t i = 0; plan_default_sockets[i]; i++)
		if (is_below(target, plan_default_sockets[i]))
			return;
	findings_add(f, FINDING_WARNING, EVERY_BOX,
		"list it: BindReadOnlyPaths=, or Sockets= for its directory",
		"%s leads to %s, which no box has: names aren't resolved there", path,
		target);
}

static void check_lxcfs(struct findings *f)
{
	char where[PATH_MAX];
	bool dead = false;
	struct err ignored;

	if (lxcfs_find(where, &dead, &ignored) < 0)
		return;
	if (dead)
		findings_add(f, FINDING_WARNING, EVERY_BOX,
			"restart it, then run `nsctl refresh`",
			"lxcfs at %s doesn't answer: in running boxes ps and free may fail",
			where);
	else if (!*where)
		findings_add(f, FINDING_NOTE, EVERY_BOX,
			"apt install lxcfs, or systemctl enable --now lxcfs; the limits hold all the same",
			"lxcfs isn't running: in a box, free, top and uptime tell of the whole host");
}

/* Abstract sockets belong to the network namespace, which boxes share with the host. */
static void check_abstract(struct findings *f)
{
	_cleanup_file_ FILE *in = fopen("/proc/net/unix", "re");
	_cleanup_free_ char *line = NULL;
	char example[128] = "";
	size_t size = 0, n = 0;

	/* Num RefCount Protocol Flags Type St Inode Path; 10000 in Flags: it listens */
	if (sys_landlock_abi() >= 6)
		return; /* AbstractSockets=private holds */
	while (in && getline(&line, &size, in) > 0) {
		const char *at = strchr(line, '@');

		if (!at || at[-1] != ' ' || !strstr(line, " 00010000 "))
			continue;
		if (n++ == 0)
			(void)snprintf(example, sizeof(example), "%.*s",
				(int)strcspn(at, "\n"), at);
	}
	if (n > 0)
		findings_add(f, FINDING_NOTE, EVERY_BOX,
			"Linux 6.12 with Landlock, or see that their programs ask who connects (SO_PEERCRED)",
			"%zu abstract socket%s of the host, such as %s, can be reached from every box: the network is shared",
			n, n == 1 ? "" : "s", example);
}

void check_host(const char *config, struct findings *f)
{
	static const char whom[] = "every account with Isolate=yes";
	char *real = realpath(config ? config : PATH_CONF, NULL);

	check_subids("/etc/subuid", true, f);
	check_subids("/etc/subgid", false, f);
	check_chain(PATH_STATE, whom, f);
	check_chain(PATH_RUN, whom, f);
	if (real)
		check_chain(real, whom, f);
	free(real);
	check_resolv_conf(f);
	check_lxcfs(f);
	check_abstract(f);
}
