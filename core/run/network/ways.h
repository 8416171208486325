/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether packets of a private network find their ways: the little that a login asks which makes no link. */
#pragma once

#include "core/plan/netpool.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * ways_are_there() - Look whether somebody has taken the link away, or a part of it
 * @inside:	a socket of NETLINK_ROUTE in that network, with no answer waiting
 * @pool:	without IPv6 that isn't looked at
 *
 * The kernel is asked which way a packet would go to the account's addresses, and from them. Each answer takes the link,
 * both ends up, the address, the routes and the host's rules of routing. Neighbour entries aren't looked at: what the
 * kernel removes with a link that goes down are the routes, too. Takes some microseconds.
 *
 * Return: false where the kernel says that there is no such way; true where it can't be asked.
 */
bool ways_are_there(int inside, const struct netpool *pool, uint32_t number);
