/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that hear of one link of Network=private, and of what leads to it: of those of others they hear nothing. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <linux/filter.h>

/**
 * link_watch_listen() - A socket that hears of notices which a filter lets through
 * @protocol:	NETLINK_*, and groups of its notices
 * @what:	is watched, for the error
 * @ret:	O_CLOEXEC, without waiting
 *
 * Return: 0 or -1 with @e.
 */
int link_watch_listen(int protocol, uint32_t groups, const struct sock_fprog *filter,
	const char *what, int *ret, struct err *e);

/**
 * link_watch_host() - Hear what becomes of the host's end
 * @ret:	readable once the link goes, or is down, or a route to an address of it goes; O_CLOEXEC, without waiting
 *
 * Return: 0 or -1 with @e.
 */
int link_watch_host(const struct plan_network *n, int *ret, struct err *e);

/* The same of addresses and routes of the network that the caller stands in. */
int link_watch_inside(int *ret, struct err *e);

/* Take what there is. Return: whether there was anything. */
bool link_watch_hear(int sock);
