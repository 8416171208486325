/* SPDX-License-Identifier: BSD-3-Clause */
/* The caller's own way into a session. */
#include "helpers/client/client.h"

#include "core/base/sys.h"
#include "core/run/enter/seccomp.h"
#include "core/run/ids/privs.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

int client_move_self(const int *fds, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (write(fds[i], "0", 1) != 1)
			return err_set(e, errno, "move into the session's cgroup%s",
				errno == EINVAL
					? " (one with real-time scheduling can't: CPUSchedulingPolicy= of its unit)"
					: "");
	return 0;
}

static int client_become(const struct filter *filter, int pidfd,
	const struct proto_reply *reply, struct err *e)
{
	if (privs_leave_keyring(e) < 0)
		return -1;
	if (sys_setns(pidfd, (int)reply->namespaces) < 0)
		return err_set(e, errno, "join the namespaces of the session%s",
			errno == EINVAL ? " (a program with threads can't)" : "");
	if (privs_enter_box(e) < 0)
		return -1;
	if (chdir("/") < 0)
		return err_set(e, errno, "go to the root of the box");
	if (reply->scoped && sys_scope_abstract_sockets() < 0)
		return err_set(e, errno, "give the login abstract sockets of its own");
	if (filter_install(filter, e) < 0 || privs_keep_caps(reply->caps, e) < 0)
		return -1;
	if (reply->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "set no_new_privs");
	return 0;
}

int client_join(const int *fds, size_t n, const struct proto_reply *reply, struct err *e)
{
	struct filter filter;
	int r;

	if (n != (reply->filtered ? 2 : 1))
		return err_set(e, EBADMSG, "hear from the helper");
	if (filter_map(reply->filtered ? fds[1] : -1, &filter, e) < 0)
		return -1;
	r = client_become(&filter, fds[0], reply, e);
	filter_unmap(&filter);
	return r;
}

int client_go_to(const char *path, const struct proto_reply *reply, struct err *e)
{
	if (path[0] != '/')
		return 0;
	if (sys_setfsgid(reply->gid) == 0 && sys_setfsuid(reply->uid) == 0 &&
		chdir(path) < 0)
		errno = 0; /* not there, or not for this account: so it is the root */
	if (sys_setfsuid(geteuid()) < 0 || sys_setfsgid(getegid()) < 0)
		return err_set(e, errno, "be root of the box again");
	return 0;
}
