/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/link_watch.h"

#include "core/base/cleanup.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

/* Where the low byte is of a number of two bytes, and of one of four. */
#define LOW2               (__BYTE_ORDER == __BIG_ENDIAN)
#define LOW4               (__BYTE_ORDER == __BIG_ENDIAN ? 3 : 0)

#define KIND_AT            (offsetof(struct nlmsghdr, nlmsg_type) + LOW2)
#define FLAGS_AT           (NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_flags) + LOW4)
#define TABLE_AT           (NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_table))

#define NAME_WORDS         (IFNAMSIZ / 4)

#define NOT_HEARD          BPF_STMT(BPF_RET | BPF_K, 0)
#define HEARD              BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)

/* Six steps: an attribute behind a head of that type, with its value 4 bytes behind X. A notice without it isn't heard. */
#define FIND(head, attribute)                                                            \
	BPF_STMT(BPF_LD | BPF_IMM, NLMSG_LENGTH(sizeof(head))),                          \
		BPF_STMT(BPF_LDX | BPF_IMM, attribute),                                  \
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,                                       \
			(uint32_t)(SKF_AD_OFF + SKF_AD_NLATTR)),                         \
		IS(0, 0, 1), NOT_HEARD, BPF_STMT(BPF_MISC | BPF_TAX, 0)

int link_watch_listen(int protocol, uint32_t groups, const struct sock_fprog *filter,
	const char *what, int *ret, struct err *e)
{
	const struct sockaddr_nl notices = { .nl_family = AF_NETLINK,
		.nl_groups = groups };
	_cleanup_close_ int sock =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (sock < 0 ||
		setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) <
			0 ||
		bind(sock, (const struct sockaddr *)&notices, sizeof(notices)) < 0)
		return err_set(e, errno, "watch %s", what);
	*ret = take_fd(&sock);
	return 0;
}

/* An address of IPv4, or the last word of one of IPv6, which is the account's number. */
static uint32_t address_of(const struct plan_network *n)
{
	struct in_addr a = { 0 };

	(void)inet_pton(AF_INET, n->address4, &a);
	return ntohl(a.s_addr);
}

int link_watch_host(const struct plan_network *n, int *ret, struct err *e)
{
	const struct sock_filter begin[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, KIND_AT),
		IS(RTM_DELROUTE, 0, 15),
		/* A route of a table above 255 to one of its addresses, be it of IPv4 or, in its last word, IPv6. */
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TABLE_AT),
		IS(RT_TABLE_COMPAT, 1, 0),
		NOT_HEARD,
		FIND(struct rtmsg, RTA_DST),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 4),
		IS(address_of(n), 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 4 + 12),
		IS(n->number, 0, 1),
		HEARD,
		NOT_HEARD,
		/* The link goes, or isn't up at both ends any more; by its name, in words with zeroes behind it. */
		IS(RTM_DELLINK, 6, 0),
		IS(RTM_NEWLINK, 1, 0),
		NOT_HEARD,
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, IFF_UP | IFF_RUNNING),
		IS(IFF_UP | IFF_RUNNING, 0, 1),
		NOT_HEARD,
		FIND(struct ifinfomsg, IFLA_IFNAME),
	};
	const size_t n_begin = sizeof(begin) / sizeof(*begin);
	struct sock_filter code[sizeof(begin) / sizeof(*begin) + 3 * NAME_WORDS + 1];
	struct sock_fprog filter = { .filter = code };
	uint32_t name[NAME_WORDS] = { 0 };
	size_t at = n_begin;

	memcpy(code, begin, sizeof(begin));
	memcpy(name, n->link, strnlen(n->link, IFNAMSIZ - 1));
	for (uint32_t i = 0; i <= strnlen(n->link, IFNAMSIZ - 1) / 4; i++) {
		code[at++] =
			(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_IND, 4 + 4 * i);
		code[at++] = (struct sock_filter)IS(ntohl(name[i]), 1, 0);
		code[at++] = (struct sock_filter)NOT_HEARD;
	}
	code[at++] = (struct sock_filter)HEARD;
	filter.len = (unsigned short)at;
	return link_watch_listen(NETLINK_ROUTE,
		RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE, &filter,
		"the account's link", ret, e);
}

int link_watch_inside(int *ret, struct err *e)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, KIND_AT),
		IS(RTM_DELADDR, 2, 0),
		IS(RTM_DELROUTE, 1, 0),
		NOT_HEARD,
		HEARD,
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };

	return link_watch_listen(NETLINK_ROUTE,
		RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
			RTMGRP_IPV6_ROUTE,
		&filter, "the account's addresses", ret, e);
}

bool link_watch_hear(int sock)
{
	char some[256];
	bool heard = false;
	ssize_t n;

	if (sock < 0)
		return false;
	do {
		n = recv(sock, some, sizeof(some), 0);
		heard |= n > 0 || errno == ENOBUFS;
	} while (n > 0 || errno == ENOBUFS || errno == EINTR);
	return heard;
}
