/* SPDX-License-Identifier: BSD-3-Clause */
/* What keeps Network=private from working on this host, where the config has it. */
#include "nsshell/nsctl_findings.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/netpool.h"
#include "core/run/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define PRIVATE "accounts with Network=private"

static void check_program(struct findings *f)
{
	if (access(PATH_NET, X_OK) < 0)
		findings_add(f, FINDING_ERROR, PRIVATE ": their logins are refused",
			"build it where libnl-route-3 and libnftables are, and install nsshell",
			"%s can't be run: %m", PATH_NET);
}

static bool is_off(const char *path)
{
	char text[8];

	return io_read_text(AT_FDCWD, path, text, sizeof(text)) >= 0 && *text == '0';
}

static void check_forwarding(const struct netpool *pool, struct findings *f)
{
	if (is_off("/proc/sys/net/ipv4/ip_forward"))
		findings_add(f, FINDING_ERROR, PRIVATE ": they have no way out",
			"echo net.ipv4.ip_forward=1 >/etc/sysctl.d/nsshell.conf, and sysctl --system",
			"the host passes no packets on: net.ipv4.ip_forward is 0");
	if (pool->v6_len > 0 && is_off("/proc/sys/net/ipv6/conf/all/forwarding"))
		findings_add(f, FINDING_NOTE, PRIVATE ": they have no way out by IPv6",
			"net.ipv6.conf.all.forwarding=1, and accept_ra=2 for a link with an address "
			"by router advertisements; or a Pool= without IPv6",
			"the host passes no packets of IPv6 on: net.ipv6.conf.all.forwarding is 0");
}

/* A line of /proc/net/route: numbers are in the network's order, as a number of the host's. */
static bool overlaps(const struct netpool *pool, const char *line, char link[32])
{
	uint32_t ours = UINT32_MAX << (32 - pool->v4_len), both;
	unsigned int to, mask;

	if (sscanf(line, "%31s %x %*x %*x %*d %*d %*d %x", link, &to, &mask) != 3 ||
		mask == 0)
		return false;
	both = ours & ntohl(mask);
	return (ntohl(to) & both) == (pool->v4 & both);
}

static void check_routes(const struct netpool *pool, struct findings *f)
{
	_cleanup_file_ FILE *in = fopen("/proc/net/route", "re");
	char line[512], link[32], prefix[NETPOOL_TEXT_MAX];

	netpool_v4_prefix(pool, prefix);
	while (in && fgets(line, sizeof(line), in))
		if (overlaps(pool, line, link)) {
			findings_add(f, FINDING_ERROR,
				PRIVATE ", and whoever reaches something by that route",
				"give [Network] another Pool=",
				"the pool %s overlaps a route of the host's by %s",
				prefix, link);
			return;
		}
}

/* Another's firewall: a packet has to pass all of them. */
static void check_firewalls(struct findings *f)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	struct err e;

	if (geteuid() != 0 || access(PATH_NET, X_OK) < 0)
		return;
	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, "look") < 0) {
		f->no_memory = true;
		return;
	}
	if (program_run(&words, NULL, 0, "nsshell-net didn't answer", &e) < 0)
		findings_add(f, FINDING_WARNING, PRIVATE ": they may have no way out",
			"let in there pass what comes from and goes to links nssh*, such as by: nft "
			"insert rule FAMILY TABLE CHAIN iifname \"nssh*\" accept; and oifname",
			"%s", e.msg);
}

void check_network(const struct config *c, struct findings *f)
{
	_cleanup_(policy_clear) struct policy p = { 0 };
	struct netpool pool;
	const char *why;
	struct err e;
	int uses = config_network(c, &p, &e);

	if (uses < 0)
		f->no_memory = true;
	if (uses <= 0 || netpool_parse(p.pool, &pool, &why) < 0)
		return;
	check_program(f);
	check_forwarding(&pool, f);
	check_routes(&pool, f);
	check_firewalls(f);
}
