/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/network/nftable.h"

#include "core/base/cleanup.h"
#include "core/plan/netpool.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

/* NFT_MSG_GETTABLE by its name, answered by the table or an error. */
struct question {
	struct nlmsghdr head;
	struct nfgenmsg of;
	struct nlattr what;
	char name[sizeof(NETPOOL_TABLE)];
};
_Static_assert(sizeof(NETPOOL_TABLE) % 4 == 0, "an attribute ends there");

bool nftable_is_gone(void)
{
	const struct question q = {
		.head = { .nlmsg_len = sizeof(q),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
			.nlmsg_flags = NLM_F_REQUEST },
		.of = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 },
		.what = { .nla_len = sizeof(struct nlattr) + sizeof(NETPOOL_TABLE),
			.nla_type = NFTA_TABLE_NAME },
		.name = NETPOOL_TABLE,
	};
	_cleanup_close_ int sock =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	union {
		struct nlmsghdr head;
		struct {
			struct nlmsghdr head;
			struct nlmsgerr error;
		} failed;
		char room[1024];
	} answer;

	if (sock < 0)
		return errno == EPROTONOSUPPORT;
	if (send(sock, &q, sizeof(q), 0) != (ssize_t)sizeof(q) ||
		recv(sock, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.failed))
		return false;
	return answer.head.nlmsg_type == NLMSG_ERROR &&
	       answer.failed.error.error == -ENOENT;
}
