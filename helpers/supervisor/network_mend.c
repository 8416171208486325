/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/network.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/run/host/program.h"
#include "core/run/network/netns.h"

#include <linux/netlink.h>
#include <sys/socket.h>

int network_open_inside(const struct session *s, int ns, int *ret, struct err *e)
{
	_cleanup_close_ int home = -EBADF, sock = -EBADF;

	if (netns_enter(s->proc, ns, &home, e) < 0)
		return -1;
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (sock < 0)
		(void)err_set(e, errno, "make a socket in the session's network");
	if (netns_return(home, e) < 0 || sock < 0)
		return -1;
	*ret = take_fd(&sock);
	return 0;
}

int network_mend(const struct plan *plan, int ns, int inside, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	const int fds[] = { ns, inside };
	char number[16];
	bool link = inside >= 0;

	(void)snprintf(number, sizeof(number), "%u", plan->network.number);
	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, "mend") < 0 ||
		(link && strlist_add(&words, number) < 0))
		return err_set(e, ENOMEM, "mend the account's network");
	return program_run(&words, fds, link ? 2 : 0, "nsshell-net didn't answer", e) < 0
		       ? err_wrap(e, "mend the account's network")
		       : 0;
}
