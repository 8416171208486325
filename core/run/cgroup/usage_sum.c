/* SPDX-License-Identifier: BSD-3-Clause */
/* What an account's sessions count, together. */
#include "core/run/cgroup/usage.h"

void usage_network(struct usage *account, const struct usage *session)
{
	if (session->net_in == USAGE_UNKNOWN)
		return;
	account->net_in = session->net_in;
	account->net_out = session->net_out;
	account->net_in_packets = session->net_in_packets;
	account->net_out_packets = session->net_out_packets;
	account->net_refused = session->net_refused;
}

static bool is_known(uint64_t n)
{
	return n < USAGE_UNKNOWN;
}

static void add_known(uint64_t *sum, uint64_t n)
{
	if (is_known(n))
		*sum = is_known(*sum) ? *sum + n : n;
}

void usage_add_hits(struct usage *sum, const struct usage *session)
{
	add_known(&sum->oom_kills, session->oom_kills);
	add_known(&sum->refused_forks, session->refused_forks);
	add_known(&sum->throttled, session->throttled);
}

static void take_larger(uint64_t *n, uint64_t other)
{
	if (is_known(other) && (!is_known(*n) || other > *n))
		*n = other;
}

void usage_hits(struct usage *account, const struct usage *sessions)
{
	take_larger(&account->oom_kills, sessions->oom_kills);
	take_larger(&account->refused_forks, sessions->refused_forks);
	take_larger(&account->throttled, sessions->throttled);
}
