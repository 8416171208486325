/* SPDX-License-Identifier: BSD-3-Clause */
/* ping(8), whose capability a box doesn't give it: icmp(7) has sockets that take none, for some groups. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/io.h"

#include <fcntl.h>
#include <unistd.h>

/* For IPv6 as well. */
#define RANGE "/proc/sys/net/ipv4/ping_group_range"

static bool has_ping(void)
{
	return access("/usr/bin/ping", F_OK) == 0 || access("/bin/ping", F_OK) == 0;
}

static bool is_in(gid_t gid, unsigned int first, unsigned int last)
{
	return gid >= first && gid <= last;
}

bool check_is_pingless(const struct check_account *a)
{
	const struct account *who = a->account;
	unsigned int first, last;
	char text[64];

	/* Another network has a range of its own, nsshell.conf(5). */
	if (a->policy->network.kind != NETWORK_HOST || !has_ping() ||
		io_read_text(AT_FDCWD, RANGE, text, sizeof(text)) < 0 ||
		sscanf(text, "%u %u", &first, &last) != 2 || is_in(who->gid, first, last))
		return false;
	for (size_t i = 0; a->policy->groups == GROUPS_KEEP && i < who->n_groups; i++)
		if (is_in(who->groups[i], first, last))
			return false;
	return true;
}

void check_pingless(const struct strlist *accounts, struct findings *f)
{
	char names[256], range[64] = "";
	unsigned int first = 1, last = 0;

	if (accounts->n == 0)
		return;
	check_names(accounts, names, sizeof(names));
	if (io_read_text(AT_FDCWD, RANGE, range, sizeof(range)) > 0)
		(void)sscanf(range, "%u %u", &first, &last);
	findings_add(f, FINDING_NOTE, names,
		"write \"net.ipv4.ping_group_range = 0 2147483647\" into /etc/sysctl.d/ping.conf, and run "
		"`sysctl --system`: that is for IPv6, too, and for every account of the host",
		"net.ipv4.ping_group_range is \"%u %u\": ping can't be used in the boxes of %zu account%s, "
		"none of whose groups it holds",
		first, last, accounts->n, accounts->n == 1 ? "" : "s");
}
