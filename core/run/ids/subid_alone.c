/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/subid_alone.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/plan/subids.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

/* One of the two kinds of ids. */
struct kind {
	const char *what, *file;
	const struct id_range *ranges;
	size_t n;
};

/* Where there are none, or they aren't ours to read, nothing is known against it. */
static int may_do_without(const FILE *in, const char *path, struct err *e)
{
	return in || errno == ENOENT || errno == EACCES
		       ? 0
		       : err_set(e, errno, "read %s", path);
}

/* ---- lines of others ----------------------------------------------------------------- */

static int is_own(const struct account *a, const char *name, struct err *e)
{
	char uid[16];

	(void)snprintf(uid, sizeof(uid), "%u", a->uid);
	if (strcmp(name, a->name) == 0 || strcmp(name, uid) == 0)
		return 1;
	return account_has_uid(name, a->uid, e);
}

static int check_lines(const struct account *a, const struct kind *k, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_file_ FILE *in = account_open_lines(k->file, &text);
	_cleanup_free_ struct subids_range *v = NULL;
	ssize_t n;

	if (may_do_without(in, k->file, e) < 0)
		return -1;
	n = text ? subids_parse(text, &v) : 0;
	if (n < 0)
		return err_set(e, ENOMEM, "read %s", k->file);
	for (ssize_t i = 0; i < n; i++) {
		int own = 1;

		if (subids_meets(&v[i], k->ranges, k->n))
			own = is_own(a, v[i].name, e);
		if (own < 0)
			return -1;
		if (own == 0)
			return err_set(e, 0,
				"the sub%s range of %s is also %s's (%s:%zu), and their boxes would be one "
				"user's: give one of them another (usermod --del-sub%ss, --add-sub%ss)",
				k->what, a->name, v[i].name, k->file, v[i].line, k->what,
				k->what);
	}
	return 0;
}

/* ---- ids of accounts and groups ------------------------------------------------------ */

static int check_id(const struct account *a, const struct kind *k, const char *name,
	uint64_t id, struct err *e)
{
	const struct subids_range one = { .start = id, .count = 1 };

	return subids_meets(&one, k->ranges, k->n)
		       ? err_set(e, 0,
				 "the sub%s range of %s holds the %s %" PRIu64
				 " of %s: give it one that holds nobody's (usermod --del-sub%ss, --add-sub%ss)",
				 k->what, a->name, k->what, id, name, k->what, k->what)
		       : 0;
}

static int check_accounts(const struct account *a, const struct kind *k, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_file_ FILE *in = account_open_lines("/etc/passwd", &text);
	const struct passwd *pw;

	if (!in)
		return errno == ENOENT ? 0 : err_set(e, errno, "read /etc/passwd");
	/* Its own ids are idmap_make()'s to look at. */
	while ((pw = fgetpwent(in)))
		if (pw->pw_uid != a->uid &&
			check_id(a, k, pw->pw_name, pw->pw_uid, e) < 0)
			return -1;
	return 0;
}

static bool has_group(const struct account *a, gid_t gid)
{
	for (size_t i = 0; i < a->n_groups; i++)
		if (a->groups[i] == gid)
			return true;
	return false;
}

struct groups_check {
	const struct account *a;
	const struct kind *k;
};

static int check_group(void *data, const struct group *gr, struct err *e)
{
	const struct groups_check *check = data;

	return has_group(check->a, gr->gr_gid)
		       ? 0
		       : check_id(check->a, check->k, gr->gr_name, gr->gr_gid, e);
}

static int check_groups(const struct account *a, const struct kind *k, struct err *e)
{
	struct groups_check check = { .a = a, .k = k };

	return account_each_local_group(check_group, &check, e);
}

/* ---- ranges of our own --------------------------------------------------------------- */

/* Its lines have the form of subuid(5), but for the blanks. */
static int check_given(const struct account *a, const struct kind *k, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_file_ FILE *in = account_open_lines(PATH_RANGES, &text);
	char *rest = text, *line;

	if (may_do_without(in, PATH_RANGES, e) < 0)
		return -1;
	while ((line = strsep(&rest, "\n"))) {
		struct subids_range r;
		unsigned int uid;

		if (sscanf(line, "%u %" SCNu64 " %" SCNu64, &uid, &r.start, &r.count) ==
				3 &&
			uid != a->uid && subids_meets(&r, k->ranges, k->n))
			return err_set(e, 0,
				"the sub%s range of %s is also that of uid %u in %s, and their boxes would "
				"be one user's: give %s another (usermod --del-sub%ss, --add-sub%ss)",
				k->what, a->name, uid, PATH_RANGES, a->name, k->what,
				k->what);
	}
	return 0;
}

int subid_check_alone(const struct account *a, const struct subid *s, struct err *e)
{
	const struct kind kinds[] = {
		{ "uid", "/etc/subuid", s->uids, s->n_uids },
		{ "gid", "/etc/subgid", s->gids, s->n_gids },
	};

	for (size_t i = 0; i < 2; i++)
		if (check_lines(a, &kinds[i], e) < 0 || check_given(a, &kinds[i], e) < 0)
			return -1;
	return check_accounts(a, &kinds[0], e) < 0 ? -1 : check_groups(a, &kinds[1], e);
}
