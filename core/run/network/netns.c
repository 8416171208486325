/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/network/netns.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/policy.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define PING_GROUPS  "sys/net/ipv4/ping_group_range"
#define PORTS_FROM   "sys/net/ipv4/ip_unprivileged_port_start"
#define RETURN_TRIES 5

int netns_inode(int fd, uint64_t *ret, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "look at a network namespace");
	*ret = st.st_ino;
	return 0;
}

int netns_is(int fd, int kind, uint64_t ino)
{
	struct stat st;
	int type;

	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_ino != ino)
		return 0;
	type = ioctl(fd, NS_GET_NSTYPE);
	return type < 0 && errno != ENOTTY ? -1 : type == kind;
}

/* ---- going there and back ----------------------------------------------------------- */

int netns_return(int home, struct err *e)
{
	for (int tries = 0; tries < RETURN_TRIES; tries++) {
		if (sys_setns(home, CLONE_NEWNET) == 0)
			return 0;
		(void)err_set(e, errno, "go back to the host's network");
		clock_pause(20000);
	}
	return -1;
}

/* Of this thread. */
static int open_own(int proc, int *ret, struct err *e)
{
	*ret = openat(proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_set(e, errno, "open the own network namespace") : 0;
}

int netns_enter(int proc, int ns, int *ret_home, struct err *e)
{
	_cleanup_close_ int home = -EBADF;

	if (open_own(proc, &home, e) < 0)
		return -1;
	if (sys_setns(ns, CLONE_NEWNET) < 0)
		return err_set(e, errno, "enter the session's network");
	*ret_home = take_fd(&home);
	return 0;
}

/* ---- a new one ---------------------------------------------------------------------- */

static int loopback_up(void)
{
	_cleanup_close_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = { .ifr_name = "lo" };

	if (sock < 0)
		return -1;
	if (ioctl(sock, SIOCGIFFLAGS, &lo) < 0)
		return -1;
	lo.ifr_flags = (short)(lo.ifr_flags | IFF_UP);
	return ioctl(sock, SIOCSIFFLAGS, &lo);
}

/* Below /proc/sys/net a process sees what is of its own network. */
static int furnish(int proc, const char *ping, bool all_ports, int *ret, struct err *e)
{
	if (loopback_up() < 0)
		return err_set(e, errno, "bring up a loopback");
	if (*ping && io_write_text(proc, PING_GROUPS, ping) < 0)
		return err_set(e, errno, "write %s", PING_GROUPS);
	if (all_ports && io_write_text(proc, PORTS_FROM, "0") < 0)
		return err_set(e, errno, "write %s", PORTS_FROM);
	return open_own(proc, ret, e);
}

static int refused(struct err *e)
{
	return err_set(e, errno, "make a network namespace%s",
		errno == ENOSPC || errno == EUSERS
			? " (user.max_net_namespaces allows no more: sysctl user.max_net_namespaces)"
			: "");
}

int netns_create(int proc, bool all_ports, int *ret_fd, struct err *e)
{
	_cleanup_close_ int home = -EBADF, made = -EBADF;
	struct err ignored;
	char ping[64];
	int r;

	if (open_own(proc, &home, e) < 0)
		return -1;
	if (io_read_text(proc, PING_GROUPS, ping, sizeof(ping)) < 0)
		*ping = '\0';
	if (unshare(CLONE_NEWNET) < 0)
		return refused(e);
	r = furnish(proc, ping, all_ports, &made, e);
	if (netns_return(home, r < 0 ? &ignored : e) < 0 || r < 0)
		return -1;
	*ret_fd = take_fd(&made);
	return 0;
}

/* ---- the admin's -------------------------------------------------------------------- */

static int inode_of(int proc, const char *path, uint64_t *ret)
{
	struct stat st;

	if (fstatat(proc, path, &st, 0) < 0)
		return -1;
	*ret = st.st_ino;
	return 0;
}

/* Return: 1, 0, or -1 with errno. */
static int is_of_host(int proc, int ns)
{
	_cleanup_close_ int owner = ioctl(ns, NS_GET_USERNS);
	uint64_t own;

	/* EPERM: of one that is above the caller's own. */
	if (owner < 0)
		return errno == EPERM ? 0 : -1;
	if (inode_of(proc, "thread-self/ns/user", &own) < 0)
		return -1;
	return netns_is(owner, CLONE_NEWUSER, own);
}

static int check(int proc, const char *name, int ns, struct err *e)
{
	int type = ioctl(ns, NS_GET_NSTYPE), ours;
	uint64_t own, theirs = 0;

	if (type < 0 && errno != ENOTTY)
		return err_set(e, errno, "look at " NETNS_DIR "/%s", name);
	if (type != CLONE_NEWNET)
		return err_set(e, 0,
			"Network=netns:%s: " NETNS_DIR
			"/%s is no network namespace (make it with "
			"`ip netns add %s`)",
			name, name, name);
	if (netns_inode(ns, &theirs, e) < 0)
		return -1;
	if (inode_of(proc, "thread-self/ns/net", &own) < 0)
		return err_set(e, errno, "look at " NETNS_DIR "/%s", name);
	if (own == theirs)
		return err_set(e, 0,
			"Network=netns:%s: that is the host's own network; write Network=host",
			name);
	ours = is_of_host(proc, ns);
	if (ours < 0)
		return err_set(e, errno, "look whose " NETNS_DIR "/%s is", name);
	if (ours == 0)
		return err_set(e, 0,
			"Network=netns:%s: another user namespace than the host's has the rights "
			"over it; make one as root with `ip netns add`",
			name);
	return 0;
}

int netns_open(int proc, const char *name, int *ret_fd, struct err *e)
{
	char path[sizeof(NETNS_DIR) + POLICY_NETNS_MAX + 1];
	_cleanup_close_ int ns = -EBADF;

	(void)snprintf(path, sizeof(path), "%s/%s", NETNS_DIR, name);
	ns = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (ns < 0)
		return err_set(e, errno,
			"Network=netns:%s: open %s (make it with `ip netns add %s`)",
			name, path, name);
	if (check(proc, name, ns, e) < 0)
		return -1;
	*ret_fd = take_fd(&ns);
	return 0;
}
