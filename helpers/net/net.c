/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-net: makes an account's link, and keeps the host's table for all of them. A program of its
 * own, since it alone links the libraries for that, and has CAP_NET_ADMIN and no other capability.
 * Root's; started by the supervisor of an account's first session with Network=private:
 *
 *	nsshell-net open NUMBER RESOLVER|- CONNECTIONS POOL4 POOL6|- [RULE...]	(fds: net.h)
 *	nsshell-net rules NUMBER RESOLVER|- CONNECTIONS POOL4 POOL6|- [RULE...]	of a link that is there
 *	nsshell-net set NUMBER [RULE...]	the same, without a look at the table
 *	nsshell-net close NUMBER	its link and all that is of it
 *	nsshell-net sweep [NUMBER]	what is of links that are gone, that one's among them
 *	nsshell-net mend [NUMBER]	that link and the table, where they were changed or removed	(fds: net.h)
 *	nsshell-net count	what went through links
 *	nsshell-net look [names]	what the kernel lacks, and what else keeps packets from being passed on
 *
 * RULE is a line of netrules.h, or "go-on": what is to be published and is taken is left out.
 *
 * Addresses, names and rules are made here of these few words; no text of anybody's is in them. What
 * failed is said on standard output, without a line break; standard error is the same.
 */
#include "helpers/net/net.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/run/ids/privs.h"

#include <netlink/errno.h>
#include <netlink/socket.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <syslog.h>
#include <unistd.h>

int net_failed(int r, struct err *e, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return err_set(e, 0, "%s: %s", what, nl_geterror(r));
}

int net_lacks(struct err *e, const char *what, const char *said)
{
	return err_set(e, 0, NETPOOL_LACKS "%s (try modprobe %s): %s", what, what, said);
}

static int usage(struct err *e)
{
	return err_set(e, 0, "nsshell-net is started by nsshell, and by nobody else");
}

/*
 * Should:   leave what a link, an address, a route and a rule take
 * Mustn't:  leave anything else, or a way back to it; need more for that: a supervisor that runs no
 *	     programs of the host's has no CAP_SETPCAP to give. Without new privileges the bounding set gives none
 */
static int drop(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "give up new privileges");
	return privs_drop_caps(1ULL << CAP_NET_ADMIN) < 0
		       ? err_set(e, errno, "drop capabilities")
		       : 0;
}

/* The kernel may look for modules meanwhile, each time anew. */
static void give_up(int sig)
{
	static const char words[] =
		"it took too long; `nsctl check` says whether the kernel lacks a module";

	(void)sig;
	_exit(write(STDOUT_FILENO, words, sizeof(words) - 1) < 0 ? 2 : 1);
}

static int take_pool(char **words, struct netpool *ret, struct err *e)
{
	char text[2 * NETPOOL_TEXT_MAX];
	const char *why;

	(void)snprintf(text, sizeof(text), "%s %s", words[0],
		strcmp(words[1], "-") != 0 ? words[1] : "");
	return netpool_parse(text, ret, &why) < 0
		       ? err_set(e, 0, "pool %s: %s", text, why)
		       : 0;
}

static int take_resolver(const char *word, uint32_t *ret)
{
	*ret = 0;
	if (strcmp(word, "-") == 0)
		return 0;
	return netpool_address4(word, ret) < 0 ||
			       (*ret >> 24 != 127 && *ret >> 16 != 0xa9fe)
		       ? -1
		       : 0;
}

static void tell_mended(bool mended)
{
	if (mended)
		event_log(LOG_WARNING, &(const struct event){ 0 },
			"the nftables table inet " NETPOOL_TABLE
			" had been changed or removed, and is as it was: while it is gone, "
			"accounts with Network=private have no way out");
}

static int keep(struct net_request *q, struct err *e)
{
	struct nl_sock *host = nl_socket_alloc();
	bool mended = false;
	int r = host ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0)
		(void)net_failed(r, e, "ask the kernel for routes");
	else
		r = net_route_rules(host, &q->pool, e);
	if (r == 0)
		r = net_table_keep(q, &mended, e);
	nl_socket_free(host);
	if (r == 0)
		tell_mended(mended);
	return r;
}

static int take_rules(int n, char **words, struct net_request *ret, struct err *e)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(words[i], NETRULES_GO_ON))
			ret->go_on = true;
		else if (netrules_line(words[i], &ret->rules) < 0)
			return err_set(
				e, 0, "rule %s: bad, or one of too many", words[i]);
	return 0;
}

static int take_request(int n, char **words, struct net_request *ret, struct err *e)
{
	uint32_t connections;

	if (n < 5 || parse_u32(words[0], &ret->number) < 0 ||
		take_resolver(words[1], &ret->resolver) < 0 ||
		parse_u32(words[2], &connections) < 0)
		return usage(e);
	if (take_pool(words + 3, &ret->pool, e) < 0)
		return -1;
	ret->pool.connections = connections;
	if (ret->number == 0 || ret->number > netpool_max(&ret->pool))
		return err_set(e, 0, "number %u is outside of the pool", ret->number);
	return take_rules(n - 5, words + 5, ret, e);
}

/* ---- what it is started for --------------------------------------------------------- */

static int run_rules(int n, char **words, struct net_request *q, struct err *e)
{
	return take_request(n, words, q, e) < 0 ? -1 : keep(q, e);
}

static int run_open(int n, char **words, struct net_request *q, struct err *e)
{
	return run_rules(n, words, q, e) < 0 ? -1 : net_link_make(q, e);
}

static int run_set(int n, char **words, struct net_request *q, struct err *e)
{
	if (n < 1 || parse_u32(words[0], &q->number) < 0)
		return usage(e);
	return take_rules(n - 1, words + 1, q, e) < 0 ? -1 : net_table_set(q, e);
}

static int run_close(int n, char **words, struct net_request *q, struct err *e)
{
	if (n != 1 || parse_u32(words[0], &q->number) < 0)
		return usage(e);
	return net_table_close(q->number, e);
}

/* Of one that is just going with its namespace, too. */
static int run_sweep(int n, char **words, struct net_request *q, struct err *e)
{
	_cleanup_close_ int guard = -EBADF;

	if (n > 1 || (n == 1 && parse_u32(words[0], &q->number) < 0))
		return usage(e);
	if (n == 1)
		net_link_await_end(q->number);
	return net_lock(&guard, e) < 0 ? -1 : net_table_sweep(e);
}

/* What fails of the link is no reason to leave the table as it is. */
static int run_mend(int n, char **words, struct net_request *q, struct err *e)
{
	bool mended = false;
	struct err next;
	int r;

	if (n > 1 || (n == 1 && parse_u32(words[0], &q->number) < 0))
		return usage(e);
	/* It comes first: what is said of one that is gone isn't put into a table that is made anew. */
	r = n == 1 ? net_link_mend(q, e) : 0;
	if (net_table_mend(&mended, r < 0 ? &next : e) < 0)
		return -1;
	tell_mended(mended);
	return r;
}

static int run_count(int n, char **words, struct net_request *q, struct err *e)
{
	(void)n, (void)words, (void)q;
	return net_count(stdout, e);
}

static int run_look(int n, char **words, struct net_request *q, struct err *e)
{
	(void)q;
	return net_look(n > 0 && !strcmp(words[0], "names"), e);
}

static const struct {
	const char *word;
	int (*run)(int n, char **words, struct net_request *q, struct err *e);
	bool lock; /* it changes something, and waits for nothing */
} verbs[] = {
	{ "open", run_open, true },
	{ "rules", run_rules, true },
	{ "set", run_set, true },
	{ "close", run_close, true },
	{ "sweep", run_sweep, false },
	{ "mend", run_mend, true },
	{ "count", run_count, false },
	{ "look", run_look, false },
};

static int run(int argc, char **argv, struct err *e)
{
	_cleanup_close_ int guard = -EBADF;
	static struct net_request q;
	size_t i = 0;

	if (getuid() != 0 || geteuid() != 0 || argc < 2)
		return usage(e);
	if (drop(e) < 0)
		return -1;
	(void)signal(SIGALRM, give_up);
	openlog("nsshell", LOG_PID, LOG_AUTHPRIV);
	while (i < sizeof(verbs) / sizeof(*verbs) && strcmp(argv[1], verbs[i].word) != 0)
		i++;
	if (i == sizeof(verbs) / sizeof(*verbs))
		return usage(e);
	if (verbs[i].lock && net_lock(&guard, e) < 0)
		return -1;
	/* The lock has a patience of its own, and others' work is no part of this one. */
	(void)alarm(NET_PATIENCE_S);
	return verbs[i].run(argc - 2, argv + 2, &q, e);
}

int main(int argc, char **argv)
{
	struct err e;

	/* What a library says before it ends us is an answer, too. */
	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
	if (run(argc, argv, &e) == 0)
		return 0;
	(void)fputs(e.msg, stdout);
	return 1;
}
