/* SPDX-License-Identifier: BSD-3-Clause */
/* What boxes share, and what they need of the host. */
#include "nsshell/nsctl_doctor.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/plan/plan.h"
#include "core/run/lxcfs.h"

#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#define EVERY_BOX "every isolated session"

/* ---- subordinate ids ---------------------------------------------------------------- */

struct range {
	const char *name;
	uint64_t start, count;
	size_t line;
};

/* "alice:100000:65536" */
static bool range_parse(char *line, struct range *ret)
{
	char *rest = line;

	ret->name = strsep(&rest, ":");
	return rest && parse_u64(strsep(&rest, ":"), &ret->start) == 0 && rest &&
	       parse_u64(rest, &ret->count) == 0;
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void overlap_add(const char *path, const struct range *a, const struct range *b,
	struct findings *f)
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
static void holds_account(const char *path, const struct range *r, struct findings *f)
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

void doctor_subids_text(const char *path, char *text, bool uids, struct findings *f)
{
	_cleanup_free_ struct range *v = NULL;
	size_t n = 0, line = 0;
	char *at, *rest = text;
	const struct range *widest = NULL;

	for (const char *c = text; *c; c++)
		line += *c == '\n';
	v = calloc(line + 2, sizeof(*v));
	if (!v) {
		f->no_memory = true;
		return;
	}
	for (line = 1; (at = strsep(&rest, "\n")); line++) {
		v[n].line = line;
		if (*at && *at != '#' && range_parse(at, &v[n]) && v[n].count > 0)
			n++;
	}
	qsort(v, n, sizeof(*v), by_start);
	for (size_t i = 0; i < n; i++) {
		if (widest && widest->start + widest->count > v[i].start &&
			strcmp(widest->name, v[i].name) != 0)
			overlap_add(path, widest, &v[i], f);
		if (!widest || v[i].start + v[i].count > widest->start + widest->count)
			widest = &v[i];
		if (uids)
			holds_account(path, &v[i], f);
	}
}

void doctor_subids(const char *path, bool uids, struct findings *f)
{
	_cleanup_file_ FILE *in = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	/* Up to a 0 byte, which is nowhere in it: all of it. */
	if (in && getdelim(&text, &size, '\0', in) > 0)
		doctor_subids_text(path, text, uids, f);
}

/* ---- files -------------------------------------------------------------------------- */

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
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
		"list it: BindReadOnlyPaths=, or Sockets= for its folder",
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
			"apt install lxcfs; the limits hold all the same",
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

void doctor_host(const char *config, struct findings *f)
{
	static const char whom[] = "every account with Isolate=yes";
	char *real = realpath(config ? config : PATH_CONF, NULL);

	doctor_subids("/etc/subuid", true, f);
	doctor_subids("/etc/subgid", false, f);
	check_chain(PATH_STATE, whom, f);
	check_chain(PATH_RUN, whom, f);
	if (real)
		check_chain(real, whom, f);
	free(real);
	check_resolv_conf(f);
	check_lxcfs(f);
	check_abstract(f);
}
