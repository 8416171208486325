/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/network_watch.h"

#include "core/base/cleanup.h"
#include "core/base/event.h"
#include "core/plan/netpool.h"
#include "core/run/network/netns.h"
#include "helpers/supervisor/link_watch.h"
#include "helpers/supervisor/network.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

/* Between what one supervisor and the next wait, so that mostly one does it. */
#define STEP_USEC 50000
#define STEPS     64
/* Who takes a link or its addresses away may have more to say of it. */
#define LINK_USEC 200000
/* What failed is tried again. */
#define AGAIN_USEC 60000000

/* Where the message's own byte of nlmsg_type is. */
#define KIND_AT (4 + (__BYTE_ORDER == __BIG_ENDIAN))

/*
 * A notice of several messages begins with what goes first: rules, chains and sets before their table.
 * What logins do, elements that come and go, wakes nobody.
 */
static int watch_table(int *ret, struct err *e)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, KIND_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NFT_MSG_NEWTABLE, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NFT_MSG_DELTABLE, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NFT_MSG_DELCHAIN, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NFT_MSG_DELRULE, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NFT_MSG_DELSET, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return link_watch_listen(NETLINK_NETFILTER, 1U << (NFNLGRP_NFTABLES - 1),
		&program, "the host's table of nftables", ret, e);
}

/* The watch's sockets. */
enum {
	TABLE,
	LINK,
	INSIDE
};
_Static_assert(INSIDE + 1 == NETWORK_WATCH_SOCKETS, "each has its place");

/* A supervisor that can't come back would have the links of another network for the host's: its session ends with it. */
static void come_back(int home, const struct plan *plan)
{
	struct err e;

	if (netns_return(home, &e) == 0)
		return;
	event_session(LOG_ERR, EVENT_NOTE, plan, "%s", e.msg);
	_exit(1);
}

static int watch_inside(struct network_watch *w, const struct session *s, struct err *e)
{
	_cleanup_close_ int home = -EBADF;
	int r;

	if (netns_enter(s->proc, s->net, &home, e) < 0)
		return -1;
	r = link_watch_inside(&w->sock[INSIDE], e);
	w->inside = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (w->inside < 0)
		r = err_set(e, errno, "make a socket in the session's network");
	come_back(home, s->plan);
	return r;
}

void network_watch_begin(struct network_watch *w, const struct session *s)
{
	const struct plan_network *n = &s->plan->network;
	struct err e;

	if (n->number == 0)
		return;
	w->plan = s->plan;
	w->ns = s->net;
	if (watch_table(&w->sock[TABLE], &e) < 0 ||
		link_watch_host(n, &w->sock[LINK], &e) < 0 || watch_inside(w, s, &e) < 0)
		event_session(LOG_WARNING, EVENT_NOTE, s->plan, "%s", e.msg);
}

void network_watch_end(struct network_watch *w)
{
	for (size_t i = 0; i < NETWORK_WATCH_SOCKETS; i++)
		cleanup_close(&w->sock[i]);
	cleanup_close(&w->inside);
}

void network_watch_wants(const struct network_watch *w, struct pollfd *ret)
{
	for (size_t i = 0; i < NETWORK_WATCH_SOCKETS; i++)
		ret[i] = (struct pollfd){ .fd = w->sock[i], .events = POLLIN };
}

int network_watch_timeout(const struct network_watch *w, uint64_t now_usec)
{
	if (!w->changed)
		return -1;
	return w->when > now_usec ? (int)((w->when - now_usec) / 1000) + 1 : 0;
}

/* Whether it is about our table: its name is the first attribute of each. */
static bool is_ours(const struct nlmsghdr *m)
{
	const struct nfgenmsg *of = NLMSG_DATA(m);
	const struct nlattr *name = (const struct nlattr *)(const void *)(of + 1);

	return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*of) + sizeof(*name) +
					    sizeof(NETPOOL_TABLE)) &&
	       name->nla_type == NFTA_TABLE_NAME &&
	       name->nla_len == sizeof(*name) + sizeof(NETPOOL_TABLE) &&
	       !memcmp(name + 1, NETPOOL_TABLE, sizeof(NETPOOL_TABLE));
}

static void hear_one(struct network_watch *w, const struct nlmsghdr *m)
{
	if (!is_ours(m))
		return;
	switch (m->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
		w->changed = false;
		break;
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
		w->changed = true;
		break;
	default:
		break;
	}
}

static void hear_table(struct network_watch *w)
{
	union {
		struct nlmsghdr head;
		char room[16384];
	} in;
	ssize_t len;

	while ((len = recv(w->sock[TABLE], &in, sizeof(in), MSG_TRUNC)) > 0 ||
		errno == ENOBUFS) {
		unsigned int left =
			len > (ssize_t)sizeof(in) ? sizeof(in) : (unsigned int)len;

		/* Some were lost. */
		if (len < 0 || len > (ssize_t)sizeof(in))
			w->changed = true;
		for (const struct nlmsghdr *m = &in.head; len > 0 && NLMSG_OK(m, left);
			m = NLMSG_NEXT(m, left))
			hear_one(w, m);
		errno = 0;
	}
}

/* Of the two that are of the link. Return: whether there was a word. */
static bool hear_link(struct network_watch *w)
{
	bool host = link_watch_hear(w->sock[LINK]);

	return link_watch_hear(w->sock[INSIDE]) || host;
}

void network_watch_go(struct network_watch *w, const struct pollfd *p, uint64_t now_usec)
{
	bool before = w->changed;
	struct err e;

	if (p[TABLE].revents)
		hear_table(w);
	if (w->changed && !before)
		w->when = now_usec + (w->plan->network.number % STEPS) * STEP_USEC;
	/* It is this account's alone: nobody else is waited for. */
	if ((p[LINK].revents || p[INSIDE].revents) && hear_link(w)) {
		w->changed = true;
		w->when = now_usec + LINK_USEC;
	}
	if (!w->changed || now_usec < w->when)
		return;
	w->changed = network_mend(w->plan, w->ns, w->inside, &e) < 0;
	if (w->changed)
		event_session(LOG_ERR, EVENT_NOTE, w->plan, "%s", e.msg);
	w->when = now_usec + AGAIN_USEC;
	/* What was heard of that work is no news. */
	(void)hear_link(w);
}
