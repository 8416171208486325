/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session's network namespace. With NetworkShare=account it is that of the account's other
 * sessions: as the rootfs of Upper=disk (rootfs_share.h), every supervisor keeps an fd of it, and so it goes
 * with the account's last session, also where that one's supervisor was killed.
 */
#pragma once

#include "helpers/supervisor/session.h"

/* Take the number of the fd, as holder_reserve(). Return: 0 or -1 with @e. */
int network_reserve(const struct plan *plan, struct err *e);

/**
 * network_take() - Have s->net be the namespace that the plan asks for, and the record name it
 * @account_lock:	the account's lock
 *
 * Return: 0 or -1 with @e.
 */
int network_take(struct session *s, int account_lock, struct err *e);

/**
 * network_mend() - Have link and table be as they were made, where somebody has changed them
 * @ns:		the network
 * @inside:	a socket of NETLINK_ROUTE in it, made with CAP_NET_ADMIN, by which the kernel judges what nsshell-net says there:
 *		that enters nothing; -EBADF: the table alone
 *
 * Return: 0 or -1 with @e.
 */
int network_mend(const struct plan *plan, int ns, int inside, struct err *e);

/* Give back what only this session's plan had: its own address, NetworkShare=login. */
void network_return(const struct plan *plan);
