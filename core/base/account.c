/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/account.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>

/* Of a group that everybody is in, a directory service gives all members: a million names. */
#define NSS_BUFFER_MAX (64U << 20)

/* More room, from none on. Return: 0 or an errno. */
static int grow(char **buf, size_t *size)
{
	char *grown;

	*size = *size ? *size * 4 : 4096;
	if (*size > NSS_BUFFER_MAX)
		return ERANGE;
	grown = realloc(*buf, *size);
	if (!grown)
		return ENOMEM;
	*buf = grown;
	return 0;
}

static int copy_entry(const struct passwd *pw, struct account *ret)
{
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	ret->name = strdup(pw->pw_name);
	ret->home = strdup(pw->pw_dir ? pw->pw_dir : "");
	ret->shell = strdup(pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
	return ret->name && ret->home && ret->shell ? 0 : -1;
}

static int read_entry(const char *name, struct account *ret, struct err *e)
{
	struct passwd pw, *found = NULL;
	_cleanup_free_ char *buf = NULL;
	size_t size = 0;
	int r = ERANGE;

	while (r == ERANGE && (r = grow(&buf, &size)) == 0)
		r = getpwnam_r(name, &pw, buf, size, &found);
	if (r == 0 && found && copy_entry(&pw, ret) < 0)
		r = ENOMEM;
	if (r != 0)
		return err_set(e, r, "look up account %s", name);
	return found ? 0 : 1;
}

int account_has_uid(const char *name, uid_t uid, struct err *e)
{
	struct account a = { 0 };
	int r = read_entry(name, &a, e);
	bool has = r == 0 && a.uid == uid;

	account_clear(&a);
	return r < 0 ? -1 : has;
}

/* getgrouplist(3) says how many there are when the room is too small. */
static int read_groups(struct account *a, struct err *e)
{
	int room = 64;

	for (;;) {
		int n = room;
		gid_t *grown = reallocarray(a->groups, (size_t)room, sizeof(gid_t));

		if (!grown)
			return err_set(e, ENOMEM, "look up the groups of %s", a->name);
		a->groups = grown;
		if (getgrouplist(a->name, a->gid, a->groups, &n) >= 0) {
			a->n_groups = (size_t)n;
			return 0;
		}
		if (n > ACCOUNT_GROUPS_MAX)
			return err_set(e, E2BIG, "look up the groups of %s", a->name);
		room = n > room ? n : room * 2;
	}
}

static int add_group(struct account *a, gid_t gid)
{
	gid_t *groups = reallocarray(a->groups, a->n_groups + 1, sizeof(gid_t));
	char **names;

	if (!groups)
		return -1;
	a->groups = groups;
	names = reallocarray(a->group_names, a->n_groups + 1, sizeof(char *));
	if (!names)
		return -1;
	a->group_names = names;
	a->groups[a->n_groups] = gid;
	a->group_names[a->n_groups++] = NULL;
	return 0;
}

static bool has_member(const struct group *gr, const char *name)
{
	for (char **member = gr->gr_mem; *member; member++)
		if (strcmp(*member, name) == 0)
			return true;
	return false;
}

struct local_groups {
	struct account *a;
	bool any; /* a line of anybody's */
};

/* A line of group(5): another group of the account's, or the name of one. */
static int take_group(void *data, const struct group *gr, struct err *e)
{
	struct local_groups *l = data;
	struct account *a = l->a;
	size_t i = 0;

	l->any = true;
	while (i < a->n_groups && a->groups[i] != gr->gr_gid)
		i++;
	if (i == a->n_groups && !has_member(gr, a->name))
		return 0;
	if (i == a->n_groups && add_group(a, gr->gr_gid) < 0)
		return err_set(e, ENOMEM, "read /etc/group");
	if (!a->group_names[i])
		a->group_names[i] = strdup(gr->gr_name);
	return a->group_names[i] ? 0 : err_set(e, ENOMEM, "read /etc/group");
}

FILE *account_open_lines(const char *path, char **text)
{
	_cleanup_file_ FILE *in = fopen(path, "re");
	size_t room = 0;
	ssize_t n;

	*text = NULL;
	if (!in)
		return NULL;
	/* Up to a 0 byte, which is nowhere in it: all of it. */
	n = getdelim(text, &room, '\0', in);
	if (n < 0 && *text)
		**text = '\0';
	return n < 0 && !feof(in) ? NULL : fmemopen(*text, n < 0 ? 0 : (size_t)n, "r");
}

/* Return: 1: passwd(5) has it, 0, or -1 with @e. */
static int is_local(const char *name, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_file_ FILE *f = account_open_lines("/etc/passwd", &text);
	const struct passwd *pw;

	if (!f)
		return errno == ENOENT ? 0 : err_set(e, errno, "read /etc/passwd");
	while ((pw = fgetpwent(f)))
		if (strcmp(pw->pw_name, name) == 0)
			return 1;
	return 0;
}

/*
 * NSS leaves a source out that it can't ask, without a word, and whose groups aren't known would be given the
 * policy of somebody else. Of a local account's they are in group(5), read by ourselves below. Of another's source that
 * has told of the account but tells of no group, this is what says so: a group that nobody has is an error then.
 */
static int check_source(const char *name, struct err *e)
{
	static const char nobodys[] = "nsshell-is-there-anybody";
	static bool answers;
	_cleanup_free_ char *buf = NULL;
	struct group gr, *found = NULL;
	size_t size = 0;
	int r = answers ? 1 : is_local(name, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	r = ERANGE;
	while (r == ERANGE && (r = grow(&buf, &size)) == 0)
		r = getgrnam_r(nobodys, &gr, buf, size, &found);
	if (r == ENOMEM)
		return err_set(e, r, "look up the groups of %s", name);
	if (r != 0)
		return err_set(e, r,
			"look up the groups of %s: a source of nsswitch.conf(5) tells of no groups: see that it "
			"answers (getent group), or take it out of the line \"group:\"",
			name);
	answers = true;
	return 0;
}

int account_each_local_group(account_group_fn each, void *data, struct err *e)
{
	_cleanup_free_ char *text = NULL, *buf = NULL;
	_cleanup_file_ FILE *f = account_open_lines("/etc/group", &text);
	struct group gr, *found = NULL;
	size_t size = 4096;
	int r = ERANGE;

	if (!f && errno == ENOENT)
		return 0;
	if (!f)
		return err_set(e, errno, "read /etc/group");
	while (r == ERANGE && (r = grow(&buf, &size)) == 0)
		while ((r = fgetgrent_r(f, &gr, buf, size, &found)) == 0) {
			int told = each(data, found, e);

			if (told != 0)
				return told;
		}
	return r == ENOENT ? 0 : err_set(e, r, "read /etc/group");
}

static int group_name(gid_t gid, char **ret, struct err *e)
{
	_cleanup_free_ char *buf = NULL;
	struct group gr, *found = NULL;
	size_t size = 0;
	int r = ERANGE;

	while (r == ERANGE && (r = grow(&buf, &size)) == 0)
		r = getgrgid_r(gid, &gr, buf, size, &found);
	if (r != 0)
		return err_set(e, r, "look up group %u", gid);
	if (!found)
		return 0;
	*ret = strdup(gr.gr_name);
	return *ret ? 0 : err_set(e, ENOMEM, "look up group %u", gid);
}

/* See check_source(): a local account's, whatever NSS makes of them. Without a line of group(5) nothing tells of them. */
static int take_local_groups(struct account *a, const char *name, struct err *e)
{
	struct local_groups l = { a, false };
	int r = account_each_local_group(take_group, &l, e);

	if (r == 0 && !l.any)
		r = is_local(name, e);
	return r > 0 ? err_set(e, 0,
			       "look up the groups of %s: /etc/group isn't there, or empty: bring it back, from "
			       "/etc/group- perhaps",
			       name)
		     : r;
}

static int name_groups(struct account *a, const char *name, struct err *e)
{
	a->group_names = calloc(a->n_groups + 1, sizeof(char *));
	if (!a->group_names)
		return err_set(e, ENOMEM, "look up the groups of %s", name);
	if (take_local_groups(a, name, e) < 0)
		return -1;
	for (size_t i = 0; i < a->n_groups; i++)
		if (!a->group_names[i] &&
			group_name(a->groups[i], &a->group_names[i], e) < 0)
			return -1;
	return 0;
}

int account_read(const char *name, struct account *ret, struct err *e)
{
	struct account a = { 0 };
	int r = read_entry(name, &a, e);

	if (r == 0)
		r = check_source(name, e);
	if (r == 0)
		r = read_groups(&a, e);
	if (r == 0)
		r = name_groups(&a, name, e);
	if (r != 0) {
		account_clear(&a);
		return r;
	}
	*ret = a;
	return 0;
}

void account_clear(struct account *a)
{
	for (size_t i = 0; a->group_names && i < a->n_groups; i++)
		free(a->group_names[i]);
	free(a->group_names);
	free(a->groups);
	free(a->name);
	free(a->home);
	free(a->shell);
	*a = (struct account){ 0 };
}
