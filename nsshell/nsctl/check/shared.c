/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories of the host that isolated accounts may write outside, and not from their boxes. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 3 /* /srv/group/project */
#define LOOKS_MAX 20000
#define FOUND_MAX 64

/* What a box has of its own, and what is walked further down. Links are not followed. */
static bool is_left_out(const char *path)
{
	static const char *const paths[] = { "/proc", "/sys", "/dev", "/run", "/tmp",
		"/var/tmp", "/var/crash", "/var/mail", "/var/spool", "/var/cache",
		"/home", "/root", "/boot", "/lost+found", NULL };

	for (size_t i = 0; paths[i]; i++)
		if (strcmp(path, paths[i]) == 0)
			return true;
	return strncmp(path, "/usr/", 5) == 0 && strncmp(path, "/usr/local", 10) != 0;
}

/* By mode somebody may who isn't root; where there is an ACL, its mask is the group's bits. */
static bool is_candidate(const struct statx *st)
{
	return (st->stx_mode & (S_IWOTH | S_IWGRP)) || st->stx_uid != 0;
}

/* Without a word to a server that may not answer, and nothing is mounted by it. */
static bool look_up(const char *path, struct statx *ret)
{
	return statx(AT_FDCWD, path,
		       AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		       STATX_TYPE | STATX_MODE | STATX_UID, ret) == 0 &&
	       S_ISDIR(ret->stx_mode);
}

/* Other file systems are what check_mounts() tells of, but for those of the system. */
static bool is_elsewhere(const char *path, const struct statx *st)
{
	static const char *const systems[] = { "/usr", "/var", "/opt", "/srv", NULL };

	if (!(st->stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	for (size_t i = 0; systems[i]; i++)
		if (strcmp(path, systems[i]) == 0)
			return false;
	return true;
}

static void walk(struct check_shared *s, const char *directory, int depth)
{
	_cleanup_dir_ DIR *dir = opendir(*directory ? directory : "/");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) && s->looks < LOOKS_MAX &&
		s->paths.n < FOUND_MAX) {
		struct statx st;
		char path[512];

		if (entry->d_name[0] == '.' ||
			(entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) ||
			(size_t)snprintf(path, sizeof(path), "%s/%s", directory,
				entry->d_name) >= sizeof(path) ||
			is_left_out(path))
			continue;
		s->looks++;
		if (!look_up(path, &st) || is_elsewhere(path, &st))
			continue;
		if (is_candidate(&st))
			(void)strlist_add(&s->paths, path);
		if (depth < DEPTH_MAX)
			walk(s, path, depth + 1);
	}
}

/* Whether a line of BindPaths= has it: "-/srv/p:/mnt/p", "/srv/p*". */
static bool is_bound_by(const char *line, const char *path)
{
	char source[512], real[PATH_MAX];
	size_t len;

	line += strspn(line, "-+");
	(void)snprintf(source, sizeof(source), "%.*s", (int)strcspn(line, ":*?["), line);
	if (line[strlen(source)] == '*')
		return strncmp(path, source, strlen(source)) == 0;
	if (!realpath(source, real))
		return false;
	len = strlen(real);
	return strncmp(path, real, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_bound(const struct check_account *a, const char *path)
{
	for (size_t i = 0; i < a->policy->bind_paths.n; i++)
		if (is_bound_by(a->policy->bind_paths.v[i], path))
			return true;
	return is_bound_by(a->account->home, path);
}

/* Should: run with the account's rights, for what it writes in and for where its links lead. */
static void look(
	const struct check_account *a, struct check_shared *s, struct findings *f)
{
	for (size_t i = s->paths.n; i-- > 0;) {
		const char *path = s->paths.v[i];

		if (strlist_has(&s->told, path) || is_bound(a, path) ||
			faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) < 0)
			continue;
		if (strlist_add(&s->told, path) < 0)
			f->no_memory = true;
		findings_add(f, FINDING_NOTE, a->account->name,
			"BindPaths= it for those who work there: nsshell.conf(5)",
			"%s can be written by %s, and others perhaps, but isn't bound: in a box %s",
			path, a->account->name,
			a->policy->upper == UPPER_NONE
				? "it is read-only"
				: "what is written there is the account's alone, and lost or left "
				  "with its upper");
	}
}

void check_shared(
	const struct check_account *a, struct check_shared *s, struct findings *f)
{
	const struct account *who = a->account;
	struct err e;

	if (geteuid() != 0)
		return;
	if (s->looks == 0)
		walk(s, "", 1);
	if (privs_look_as(who->uid, who->gid, who->groups, who->n_groups, &e) == 0)
		look(a, s, f);
	/* Whoever can't come back mustn't go on as somebody else. */
	if (privs_look_as_root(&e) < 0)
		abort();
}
