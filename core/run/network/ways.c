/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/network/ways.h"

#include "core/base/cleanup.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* RTM_GETROUTE with two attributes, answered by one route or an error. */
struct question {
	struct nlmsghdr head;
	struct rtmsg of;
	struct rtattr mark_head;
	uint32_t mark;
	struct rtattr to_head;
	uint8_t to[16];
};

/* What is asked, and the attribute that has to be in the answer. */
struct way {
	int family;
	const void *to;
	uint32_t mark;
	unsigned short type;
	const void *value;
	size_t len;
};

static bool has(const struct nlmsghdr *answer, const struct way *w)
{
	const struct rtmsg *route = NLMSG_DATA(answer);
	unsigned int left = (unsigned int)RTM_PAYLOAD(answer);

	if (answer->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_UNICAST)
		return false;
	for (const struct rtattr *a = RTM_RTA(route); RTA_OK(a, left);
		a = RTA_NEXT(a, left))
		if (a->rta_type == w->type && RTA_PAYLOAD(a) == w->len)
			return memcmp(RTA_DATA(a), w->value, w->len) == 0;
	return false;
}

static bool leads(int sock, const struct way *w)
{
	const size_t len = w->family == AF_INET6 ? 16 : 4;
	struct question q = {
		.head = { .nlmsg_len = (uint32_t)(offsetof(struct question, to) + len),
			.nlmsg_type = RTM_GETROUTE,
			.nlmsg_flags = NLM_F_REQUEST },
		.of = { .rtm_family = (uint8_t)w->family,
			.rtm_dst_len = (uint8_t)(8 * len),
			.rtm_flags = RTM_F_LOOKUP_TABLE },
		.mark_head = { RTA_LENGTH(sizeof(q.mark)), RTA_MARK },
		.mark = w->mark,
		.to_head = { (unsigned short)RTA_LENGTH(len), RTA_DST },
	};
	union {
		struct nlmsghdr head;
		char room[2048];
	} answer;
	ssize_t n;

	memcpy(q.to, w->to, len);
	if (send(sock, &q, q.head.nlmsg_len, 0) < 0)
		return true;
	n = recv(sock, &answer, sizeof(answer), MSG_DONTWAIT);
	return n < 0 || !NLMSG_OK(&answer.head, (size_t)n) || has(&answer.head, w);
}

/* To an address that the pool gives nobody, from the account's own; and to that. */
static bool lead(int host, int inside, int family, const void *nobodys, const void *own)
{
	static const uint32_t table = NETPOOL_ROUTES;
	const struct way to = { family, own, NETPOOL_MARK, RTA_TABLE, &table,
		sizeof(table) };
	const struct way from = { family, nobodys, 0, RTA_PREFSRC, own,
		family == AF_INET6 ? 16 : 4 };

	return (host < 0 || leads(host, &to)) && leads(inside, &from);
}

bool ways_are_there(int inside, const struct netpool *pool, uint32_t number)
{
	_cleanup_close_ int host =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint8_t nobodys[16], own[16];

	netpool_bytes4(pool, 0, nobodys);
	netpool_bytes4(pool, number, own);
	if (!lead(host, inside, AF_INET, nobodys, own))
		return false;
	if (pool->v6_len == 0)
		return true;
	netpool_bytes6(pool, 0, nobodys);
	netpool_bytes6(pool, number, own);
	return lead(host, inside, AF_INET6, nobodys, own);
}
