/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the PAM modules before ours have made on the host, and named in the login's environment. A
 * user may have chosen these names (pam_env(8) can read a file of the home): they lead no further than
 * the box's own temporary directories.
 */
#include "core/plan/planner.h"

#include <string.h>

static const char *const temporary[] = { "/tmp", "/var/tmp", NULL };

/* TMPDIR= of pam_tmpdir: /tmp/user, which is root's and can only be passed through, and /tmp/user/UID. */
void plan_tmpdir(struct planner *b)
{
	const char *login = b->in->login->tmpdir;
	const char *path = login ? planner_path(b, login) : NULL;
	struct plan_op *op = NULL;

	if (!path || path_in(path, temporary) || !path_within_any(path, temporary))
		return;
	for (size_t len = 1 + strlen(path_within(path, temporary[0]) ? temporary[0]
								     : temporary[1]);
		path[len - 1]; len += strcspn(path + len, "/") + 1) {
		size_t end = len + strcspn(path + len, "/");

		op = planner_op(b, PLAN_DIR, planner_text(b, "%.*s", (int)end, path));
		op->mode = 0711;
	}
	if (!op)
		return;
	op->mode = 0700;
	op->uid = b->p->uid;
	op->gid = b->p->gid;
}

/* KRB5CCNAME= of sshd and pam_krb5: a file, whether it says so or not. */
const char *plan_ticket(struct planner *b)
{
	static const char file[] = "FILE:";
	const char *s = b->in->login->ticket, *path;
	const struct plan_op *on;

	if (!s)
		return "";
	if (strncmp(s, file, strlen(file)) == 0)
		s += strlen(file);
	path = planner_path(b, s);
	if (!path || !path_in(planner_dirname(b, path), temporary))
		return "";
	/* In a /tmp that is the host's it is there already. */
	on = plan_mount_of(b->p, path);
	return on && on->kind == PLAN_TMPFS ? path : "";
}
