/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a port that is to be published is somebody's already: another account's, or a program's of the host. */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <string.h>
#include <syslog.h>

#define LEDGER_MAX (1U << 26)

static void put_sock(struct nl_sock **s)
{
	nl_socket_free(*s);
}

/* ---- programs of the host ------------------------------------------------------------ */

/* What is looked for among the sockets of one kind, and who has it. */
struct listener {
	const struct netpublish *p;
	bool found;
	struct inet_diag_msg who;
};

static bool is_any(const struct inet_diag_msg *m)
{
	static const uint8_t none[16];

	return !memcmp(m->id.idiag_src, none, m->idiag_family == AF_INET6 ? 16 : 4);
}

/* One of all addresses has that of IPv4 as well, as most do (IPV6_V6ONLY). */
static bool has_address(const struct inet_diag_msg *m, const struct netpublish *p)
{
	if (p->family == 0 || is_any(m))
		return true;
	return p->family == m->idiag_family &&
	       !memcmp(m->id.idiag_src, p->a, p->family == AF_INET6 ? 16 : 4);
}

static int hear(struct nl_msg *answer, void *to)
{
	const struct nlmsghdr *head = nlmsg_hdr(answer);
	const struct inet_diag_msg *m = NLMSG_DATA(head);
	struct listener *l = to;
	uint16_t port = ntohs(m->id.idiag_sport);

	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || port < l->p->first ||
		port > l->p->last || !has_address(m, l->p))
		return NL_OK;
	l->found = true;
	l->who = *m;
	return NL_OK;
}

/* Listens, or of UDP is bound and talks to nobody in particular. */
static int ask_family(struct listener *l, uint8_t family, struct err *e)
{
	struct inet_diag_req_v2 q = {
		.sdiag_family = family,
		.sdiag_protocol = l->p->udp ? IPPROTO_UDP : IPPROTO_TCP,
		.idiag_states = 1U << (l->p->udp ? TCP_CLOSE : TCP_LISTEN),
	};
	_cleanup_(put_sock) struct nl_sock *sock = nl_socket_alloc();
	int r = sock ? nl_connect(sock, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

	if (r == 0)
		r = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, hear, l);
	if (r == 0)
		r = nl_send_simple(sock, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &q, sizeof(q));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	if (r == -NLE_OBJ_NOTFOUND)
		return net_lacks(e, l->p->udp ? "udp_diag" : "tcp_diag",
			"without it Publish= can't tell whether a port is taken");
	return r < 0 ? net_failed(r, e, "look who listens on the host") : 0;
}

static int say_listener(const struct listener *l, const char *text, struct err *e)
{
	const struct inet_diag_msg *m = &l->who;
	bool v6 = m->idiag_family == AF_INET6;
	char address[INET6_ADDRSTRLEN] = "?";
	const char *kind = l->p->udp ? "udp" : "tcp";
	unsigned int port = ntohs(m->id.idiag_sport);

	(void)inet_ntop(m->idiag_family, m->id.idiag_src, address, sizeof(address));
	(void)err_set(e, 0,
		"Publish=%s: port %u/%s of the host is taken: a program of uid %u listens at %s%s%s "
		"(ss -Hlnp%c 'sport = :%u' tells which)",
		text, port, kind, m->idiag_uid, v6 ? "[" : "", address, v6 ? "]" : "",
		*kind, port);
	return 1;
}

static int look_for_listener(const struct netpublish *p, const char *text, struct err *e)
{
	struct listener l = { .p = p };

	if ((p->family != AF_INET6 && ask_family(&l, AF_INET, e) < 0) ||
		(!l.found && ask_family(&l, AF_INET6, e) < 0))
		return -1;
	return l.found ? say_listener(&l, text, e) : 0;
}

/* ---- other accounts ------------------------------------------------------------------ */

/* "UID NUMBER NAME" a line. */
void net_name_of(uint32_t number, char *ret, size_t size)
{
	_cleanup_free_ char *text = malloc(LEDGER_MAX);
	char *rest = text, *line;

	(void)snprintf(ret, size, "the account of link " NETPOOL_LINK "%u", number);
	if (!text || io_read_text(AT_FDCWD, PATH_ADDRESSES, text, LEDGER_MAX) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		unsigned int found;
		int at = 0;

		if (sscanf(line, "%*u %u %n", &found, &at) == 1 && found == number && at)
			(void)snprintf(ret, size, "%s", line + at);
	}
}

int net_taken_by(const struct netpublish *p, const struct netrules *theirs,
	uint32_t number, struct err *e)
{
	char text[NETRULES_PUBLISH_TEXT], name[128];

	for (size_t i = 0; i < theirs->n_publish; i++) {
		if (!netrules_clash(p, &theirs->publish[i]))
			continue;
		netrules_publish_text(p, text);
		net_name_of(number, name, sizeof(name));
		(void)err_set(e, 0,
			"Publish=%s: taken: it is published for %s, who is logged in",
			text, name);
		return 1;
	}
	return 0;
}

int net_taken(const struct netpublish *p, struct err *e)
{
	char text[NETRULES_PUBLISH_TEXT];

	netrules_publish_text(p, text);
	return look_for_listener(p, text, e);
}
