/* SPDX-License-Identifier: BSD-3-Clause */
/* Against the network, which a box shares with the host: to use it is no attack, to change it is. */
#include "tests/hostile/attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* tcp ADDRESS PORT: for at most a second */
static int tcp(char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)attack_number(argv[1])) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    error = 0;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(error);

	if (fd < 0 || inet_pton(AF_INET, argv[0], &to.sin_addr) != 1)
		return errno;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		return errno;
	if (poll(&p, 1, 1000) == 0)
		return ETIMEDOUT;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static int privileged_port(char **argv)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)attack_number(argv[0])) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno
		      : attack_result(bind(fd, (const struct sockaddr *)&to, sizeof(to)));
}

static int raw(char **argv)
{
	(void)argv;
	return attack_result(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
}

static int sniff(char **argv)
{
	(void)argv;
	return attack_result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int interface_down(char **argv)
{
	struct ifreq r = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)argv;
	memcpy(r.ifr_name, "lo", 3);
	/* What it has now: should it succeed, nothing has changed. */
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return errno;
	return attack_result(ioctl(fd, SIOCSIFFLAGS, &r));
}

/* Ask the kernel for something over netlink, and hear its answer. */
static int netlink(int protocol, void *request, size_t len)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 || send(fd, request, len, 0) < 0)
		return errno;
	if (poll(&p, 1, 1000) == 0)
		return ETIMEDOUT;
	if (recv(fd, &answer, sizeof(answer), 0) < 0)
		return errno;
	return answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : 0;
}

/* An address on lo. */
static int add_address(char **argv)
{
	struct {
		struct nlmsghdr head;
		struct ifaddrmsg address;
		struct rtattr attr;
		struct in_addr ip;
	} q = { .head = { .nlmsg_len = sizeof(q),
			.nlmsg_type = RTM_NEWADDR,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE },
		.address = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = 1 },
		.attr = { .rta_len = RTA_LENGTH(sizeof(struct in_addr)),
			.rta_type = IFA_LOCAL } };

	(void)argv;
	(void)inet_pton(AF_INET, "127.9.9.9", &q.ip);
	return netlink(NETLINK_ROUTE, &q, sizeof(q));
}

static int audit_off(char **argv)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} q = { .head = { .nlmsg_len = sizeof(q),
			.nlmsg_type = AUDIT_SET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK } };

	(void)argv;
	return netlink(NETLINK_AUDIT, &q, sizeof(q));
}

/* Hear of each process of the host, as everybody may from Linux 6.6 on. */
static int hear_of_processes(char **argv)
{
	const struct sockaddr_nl all = { .nl_family = AF_NETLINK,
		.nl_groups = CN_IDX_PROC };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

	(void)argv;
	return fd < 0 ? errno
		      : attack_result(
				bind(fd, (const struct sockaddr *)&all, sizeof(all)));
}

/* protocol FAMILY TYPE NUMBER: the kernel loads a module for it, where it is one. */
static int open_protocol(char **argv)
{
	return attack_result(socket((int)attack_number(argv[0]),
		(int)attack_number(argv[1]) | SOCK_CLOEXEC, (int)attack_number(argv[2])));
}

const struct attack attacks_net[] = {
	{ "tcp", tcp },
	{ "bind", privileged_port },
	{ "raw", raw },
	{ "sniff", sniff },
	{ "interface", interface_down },
	{ "address", add_address },
	{ "audit", audit_off },
	{ "connector", hear_of_processes },
	{ "protocol", open_protocol },
	{ NULL, NULL },
};
