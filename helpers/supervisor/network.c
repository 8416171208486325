/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/network.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/netrules.h"
#include "core/run/session/account_sessions.h"
#include "core/run/network/netns.h"
#include "core/run/network/nftable.h"
#include "core/run/network/number.h"
#include "core/run/network/ways.h"
#include "core/run/host/program.h"
#include "helpers/supervisor/sibling.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

int network_reserve(const struct plan *plan, struct err *e)
{
	return plan->network.kind != NETWORK_HOST ? sibling_reserve(SIBLING_NET_FD, e)
						  : 0;
}

/* Its link has the name that another one would get. */
static bool is_other_address(
	const struct session *s, const struct record *r, struct err *e)
{
	static const char word[] = "private ";

	if (s->plan->network.kind != NETWORK_PRIVATE ||
		strncmp(r->network, word, strlen(word)) != 0)
		return false;
	(void)err_set(e, 0,
		"session %s of %s has the address %s, of another Pool= than now: end it first "
		"(nsctl stop %s)",
		r->id, s->plan->user, r->network + strlen(word), r->id);
	return true;
}

/* Whose sessions may have it, and what these say of their network then. */
struct whose {
	uid_t uid;
	const char *text;
};

/* Of one of its sessions. Return: 1 with @ret; 0 when it has no such one; -1 with @e. */
static int ask_sibling(const struct session *s, const struct whose *w, const char *id,
	int *ret, struct err *e)
{
	struct record r;
	int found;

	/* One that says nothing to us, or has another network, shares none. */
	found = record_read_live(id, &r, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (r.uid != w->uid || r.ns.net == 0)
		return 0;
	if (strcmp(r.network, w->text) != 0)
		return is_other_address(s, &r, e) ? -1 : 0;
	found = sibling_take(&r, SIBLING_NET_FD, CLONE_NEWNET, r.ns.net, ret);
	if (found < 0)
		return err_set(
			e, errno, "share the network of session %s of %s", r.id, r.user);
	return found == 1;
}

static int find_shared(const struct session *s, const struct whose *w, int account_lock,
	int *ret, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	int found = 0;
	size_t n;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	while (found == 0 && n-- > 0)
		if (strcmp(ids[n], s->plan->id) != 0)
			found = ask_sibling(s, w, ids[n], ret, e);
	return found;
}

/* Of those who share it and are still there, the account's own sessions being gone. */
static int find_guest(const struct session *s, int *ret, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	int found = 0;

	for (size_t i = 0; found == 0 && i < n->n_guests; i++) {
		const struct whose guest = { n->guests[i], n->guest_text };
		_cleanup_close_ int theirs = -EBADF;

		if (account_sessions_look(guest.uid, &theirs, e) < 0)
			return -1;
		if (theirs >= 0)
			found = find_shared(s, &guest, theirs, ret, e);
	}
	return found;
}

/* The account's own sessions, and who shares theirs. */
static int find_own(const struct session *s, int account_lock, int *ret, struct err *e)
{
	const struct whose own = { s->plan->uid, s->plan->network.text };
	int found = find_shared(s, &own, account_lock, ret, e);

	return found == 0 ? find_guest(s, ret, e) : found;
}

/* A socket to ask the kernel for what is in there, by whom may: nsshell-net enters nothing. */
static int open_inside(const struct session *s, int ns, int *ret, struct err *e)
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

/* "open", with the fds that it takes, or "rules". */
static int ask_program(const struct session *s, const char *what, const int *fds,
	size_t n_fds, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	_cleanup_free_ char *rules = strdup(n->rules);
	char number[16], connections[16];
	int r;

	(void)snprintf(number, sizeof(number), "%u", n->number);
	(void)snprintf(connections, sizeof(connections), "%u", n->connections);
	r = strlist_add(&words, PATH_NET) | strlist_add(&words, what) |
	    strlist_add(&words, number) |
	    strlist_add(&words, *n->resolver ? n->resolver : "-") |
	    strlist_add(&words, connections) | strlist_add(&words, n->pool4) |
	    strlist_add(&words, *n->pool6 ? n->pool6 : "-");
	/* A port that is taken is no reason to be without a box. */
	if (s->allow)
		r |= strlist_add(&words, NETRULES_GO_ON);
	if (r < 0 || !rules || strlist_add_lines(&words, rules) < 0)
		return err_set(e, ENOMEM, "make the account's network");
	if (program_run(&words, fds, n_fds, "nsshell-net didn't answer", e) < 0)
		return err_wrap(e, "Network=private");
	return 0;
}

/* Its link, and the host's table. */
static int link_up(const struct session *s, int ns, struct err *e)
{
	_cleanup_close_ int inside = -EBADF;
	int fds[2] = { ns };

	if (open_inside(s, ns, &inside, e) < 0)
		return -1;
	fds[1] = inside;
	return ask_program(s, "open", fds, 2, e);
}

/*
 * Those that another session was opened with may be others: they are the account's. And somebody may
 * have taken the host's table away, or what was known of the link.
 */
static int same_rules(const struct session *s, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	_cleanup_free_ char *now = malloc(NETRULES_TEXT_MAX);
	char path[sizeof(PATH_NET_RULES) + 16];
	bool known;

	if (!now)
		return err_set(e, ENOMEM, "look at the account's rules");
	(void)snprintf(path, sizeof(path), PATH_NET_RULES "/%u", n->number);
	known = io_read_text(AT_FDCWD, path, now, NETRULES_TEXT_MAX) >= 0;
	/* There where somebody was killed while changing them. */
	(void)snprintf(path, sizeof(path), PATH_NET_RULES "/%u.new", n->number);
	if (known && strcmp(now, n->rules) == 0 && access(path, F_OK) < 0 &&
		!nftable_is_gone())
		return 0;
	return ask_program(s, "rules", NULL, 0, e);
}

/* As somebody may have taken the link away, too, or what leads by it. */
static int same_ways(const struct session *s, int ns, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	_cleanup_close_ int inside = -EBADF;
	char text[2 * NETPOOL_TEXT_MAX];
	struct netpool pool;
	const char *why;

	(void)snprintf(text, sizeof(text), "%s %s", n->pool4, n->pool6);
	if (netpool_parse(text, &pool, &why) < 0)
		return err_set(e, 0, "pool %s: %s", text, why);
	if (open_inside(s, ns, &inside, e) < 0)
		return -1;
	return ways_are_there(inside, &pool, n->number)
		       ? 0
		       : network_mend(s->plan, ns, inside, e);
}

static int find_or_make(
	const struct session *s, int account_lock, int *ret, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	int found;

	if (n->kind == NETWORK_NETNS)
		return netns_open(s->proc, n->name, ret, e);
	found = n->share ? find_own(s, account_lock, ret, e) : 0;
	if (found > 0 && n->kind == NETWORK_PRIVATE)
		return same_rules(s, e) < 0 ? -1 : same_ways(s, *ret, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (netns_create(s->proc, !s->plan->no_new_privs, ret, e) < 0)
		return -1;
	return n->kind == NETWORK_PRIVATE ? link_up(s, *ret, e) : 0;
}

/* For the record, by which others find it. */
static int note(struct session *s, int ns, struct err *e)
{
	if (netns_inode(ns, &s->record.ns.net, e) < 0)
		return -1;
	if (dup3(ns, s->net, O_CLOEXEC) < 0)
		return err_set(e, errno, "hold the session's network");
	return 0;
}

/*
 * Another account's: who has one opens no session meanwhile, so that its next one finds this record. No
 * account is both guest and owner: nobody waits in a circle.
 */
static int take_theirs(struct session *s, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	const struct whose owner = { n->owner, n->owner_text };
	_cleanup_close_ int account_lock = -EBADF, ns = -EBADF;
	int found = account_sessions_look(n->owner, &account_lock, e);

	if (found == 0 && account_lock >= 0) {
		cleanup_close(&account_lock);
		if (account_sessions_lock(n->owner, ACCOUNT_LOCK_MS, &account_lock, e) !=
			0)
			return err_wrap(e, "Network=user:%s", n->name);
		found = find_shared(s, &owner, account_lock, &ns, e);
	}
	if (found == 0)
		return err_set(e, 0,
			"Network=user:%s: %s has no session whose network could be shared: log in as "
			"long as it has one (nsctl list)",
			n->name, n->name);
	return found < 0 || note(s, ns, e) < 0 ? -1 : session_write(s, e);
}

int network_take(struct session *s, int account_lock, struct err *e)
{
	_cleanup_close_ int ns = -EBADF;

	if (s->plan->network.kind == NETWORK_HOST)
		return 0;
	if (s->plan->network.kind == NETWORK_USER)
		return take_theirs(s, e);
	return find_or_make(s, account_lock, &ns, e) < 0 ? -1 : note(s, ns, e);
}
