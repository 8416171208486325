/* SPDX-License-Identifier: BSD-3-Clause */
/* What keeps Network=private from working on this host, where the config has it. */
#include "nsshell/nsctl/check/findings.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/netpool.h"
#include "core/run/host/program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
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

/* A line of /proc/net/ipv6_route, which has those of all tables, ours among them. */
static bool overlaps6(const struct netpool *pool, const char *line, char link[32])
{
	unsigned int len, bits, byte;
	char to[33];

	if (pool->v6_len == 0 ||
		sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %*x %31s", to, &len,
			link) != 3 ||
		len == 0 || strcmp(link, "lo") == 0 ||
		strncmp(link, NETPOOL_LINK, 4) == 0)
		return false;
	bits = len < pool->v6_len ? len : pool->v6_len;
	for (unsigned int i = 0; i < bits; i++) {
		if (i % 8 == 0 && sscanf(to + i / 4, "%2x", &byte) != 1)
			return false;
		if (((byte ^ pool->v6[i / 8]) & 0x80U >> i % 8) != 0)
			return false;
	}
	return true;
}

static void check_routes(const struct netpool *pool, const char *file,
	void (*prefix)(const struct netpool *, char *),
	bool (*overlap)(const struct netpool *, const char *, char *), struct findings *f)
{
	_cleanup_file_ FILE *in = fopen(file, "re");
	char line[512], link[32], text[NETPOOL_TEXT_MAX];

	prefix(pool, text);
	while (in && fgets(line, sizeof(line), in))
		if (overlap(pool, line, link)) {
			findings_add(f, FINDING_ERROR,
				PRIVATE ", and whoever reaches something by that route",
				"give [Network] another Pool=",
				"the pool %s overlaps a route of the host's by %s", text,
				link);
			return;
		}
}

/* Whether it is the host's own resolver, at its loopback, that they ask: plan_network.c. */
static bool asks_host(const struct policy *p)
{
	char text[4096];

	if (p->dns.n > 0 ||
		io_read_text(AT_FDCWD, "/etc/resolv.conf", text, sizeof(text)) < 0)
		return false;
	return (strstr(text, "nameserver 127.") || strstr(text, "nameserver ::1")) &&
	       (io_read_text(AT_FDCWD, "/run/systemd/resolve/resolv.conf", text,
			sizeof(text)) < 0 ||
		       !strstr(text, "nameserver "));
}

static bool is_of_host(const char *address)
{
	const int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	struct ifaddrs *all = NULL;
	unsigned char wanted[16];
	bool found = false;

	if (inet_pton(family, address, wanted) != 1 || getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
		const void *of = i->ifa_addr;

		if (!of || i->ifa_addr->sa_family != family ||
			(i->ifa_flags & IFF_LOOPBACK))
			continue;
		found = family == AF_INET6
				? !memcmp(&((const struct sockaddr_in6 *)of)->sin6_addr,
					  wanted, 16)
				: !memcmp(&((const struct sockaddr_in *)of)->sin_addr,
					  wanted, 4);
	}
	freeifaddrs(all);
	return found;
}

static void check_resolver(const char *address, struct findings *f)
{
	if (strncmp(address, "fe80:", 5) == 0)
		findings_add(f, FINDING_WARNING, PRIVATE ": they find no names by it",
			"name one at another address too, there or by DNS= of [Network]",
			"the resolver %s is a neighbour of the host's alone", address);
	else if (is_of_host(address))
		findings_add(f, FINDING_WARNING, PRIVATE ": they find no names by it",
			"have it listen at 127.0.0.1 as well, and name that in /etc/resolv.conf",
			"the resolver %s is at an address of the host's own, which isn't reached",
			address);
}

static void check_resolvers(const struct policy *p, struct findings *f)
{
	_cleanup_file_ FILE *in = p->dns.n > 0 ? NULL : fopen("/etc/resolv.conf", "re");
	char line[256], address[NETPOOL_TEXT_MAX];

	for (size_t i = 0; i < p->dns.n; i++)
		check_resolver(p->dns.v[i], f);
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "nameserver %63s", address) == 1)
			check_resolver(address, f);
}

/* What the kernel lacks, or another's firewall: a packet has to pass all of them. */
static void check_way_out(const struct policy *p, struct findings *f)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	struct err e;

	if (geteuid() != 0 || access(PATH_NET, X_OK) < 0)
		return;
	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, "look") < 0 ||
		(asks_host(p) && strlist_add(&words, "names") < 0)) {
		f->no_memory = true;
		return;
	}
	if (program_run(&words, NULL, 0, "nsshell-net didn't answer", &e) == 0)
		return;
	if (strncmp(e.msg, NETPOOL_LACKS, strlen(NETPOOL_LACKS)) == 0)
		findings_add(f, FINDING_ERROR, PRIVATE ": their logins are refused",
			"modprobe -a veth nf_tables nft_ct nft_fib_inet nft_chain_nat nft_nat nft_masq "
			"nft_connlimit nft_limit nft_reject_inet nf_conntrack_netlink, and see which it doesn't find. When the kernel was upgraded "
			"since the last boot its modules may be gone: reboot. Else install all of the "
			"distribution's modules (linux-image-amd64; linux-modules-extra-*), or a kernel with "
			"CONFIG_VETH, CONFIG_NF_TABLES_INET and what these are of",
			"%s", e.msg);
	else
		findings_add(f, FINDING_WARNING,
			PRIVATE ": they may have no way out, or find no names",
			"let in there pass what comes from and goes to links nssh*. ufw: ufw route allow in on nssh+, ufw "
			"route allow out on nssh+, and for names ufw allow in on nssh+ to any port 53. firewalld: "
			"firewall-cmd --permanent --zone=trusted --add-interface=nssh+, and --reload. Docker: iptables -I "
			"DOCKER-USER -i nssh+ -j ACCEPT, and -o nssh+. Others: the same in FORWARD, and by ip6tables; or nft "
			"insert rule FAMILY TABLE CHAIN iifname \"nssh*\" accept, and oifname",
			"%s", e.msg);
}

/* ---- who manages links ---------------------------------------------------------------- */

/* What a file of systemd.network(5) says of our links, as far as names and types go. */
struct network_file {
	bool match, ours, named, unmanaged;
};

static void take_setting(struct network_file *n, char *line)
{
	char *word, *rest = strchr(line, '=');

	if (*line == '[') {
		n->match = strncmp(line, "[Match]", 7) == 0;
		return;
	}
	if (!rest || *line == '#' || *line == ';')
		return;
	*rest++ = '\0';
	if (strcmp(line, "Unmanaged") == 0 && strchr("yt1o", *rest) &&
		strncmp(rest, "off", 3) != 0)
		n->unmanaged = true;
	if (!n->match)
		return;
	if (strcmp(line, "Name") != 0 && strcmp(line, "Type") != 0 &&
		strcmp(line, "Kind") != 0) {
		n->ours = false;
		return;
	}
	n->named = true;
	n->ours = n->ours && *rest != '!';
	while ((word = strsep(&rest, " \t")))
		if (fnmatch(word,
			    *line == 'N'   ? NETPOOL_LINK "1"
			    : *line == 'T' ? "ether"
					   : "veth",
			    0) == 0)
			return;
	n->ours = false;
}

/* Return: whether it is the one that networkd would take for our links. */
static bool takes_links(const char *path, bool *ret_unmanaged)
{
	_cleanup_file_ FILE *in = fopen(path, "re");
	struct network_file n = { .ours = true };
	char line[1024];

	while (in && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		take_setting(&n, line);
	}
	*ret_unmanaged = n.unmanaged;
	return n.ours && n.named;
}

static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;

	return strcmp(strrchr(x, '/'), strrchr(y, '/'));
}

/* The first in the order of names, of whatever directory, is the one. */
static void check_networkd(struct findings *f)
{
	glob_t all = { 0 };
	bool unmanaged = false;

	if (access("/run/systemd/netif", F_OK) < 0)
		return;
	(void)glob("/etc/systemd/network/*.network", GLOB_NOSORT, NULL, &all);
	(void)glob(
		"/run/systemd/network/*.network", GLOB_NOSORT | GLOB_APPEND, NULL, &all);
	(void)glob("/usr/lib/systemd/network/*.network", GLOB_NOSORT | GLOB_APPEND, NULL,
		&all);
	if (all.gl_pathc > 0)
		qsort(all.gl_pathv, all.gl_pathc, sizeof(char *), by_name);
	for (size_t i = 0; i < all.gl_pathc; i++) {
		if (!takes_links(all.gl_pathv[i], &unmanaged))
			continue;
		if (!unmanaged)
			findings_add(f, FINDING_WARNING,
				PRIVATE ": their way out may be cut",
				"printf '[Match]\\nName=nssh*\\n[Link]\\nUnmanaged=yes\\n' "
				">/etc/systemd/network/00-nsshell.network, and networkctl reload",
				"systemd-networkd takes links nssh* for its own, by %s",
				all.gl_pathv[i]);
		break;
	}
	globfree(&all);
}

static bool names_links(const char *pattern, const char *what)
{
	glob_t all = { 0 };
	bool found = false;

	(void)glob(pattern, GLOB_NOSORT, NULL, &all);
	for (size_t i = 0; !found && i < all.gl_pathc; i++) {
		_cleanup_file_ FILE *in = fopen(all.gl_pathv[i], "re");
		char line[1024];

		while (!found && in && fgets(line, sizeof(line), in))
			found = *line != '#' && strstr(line, what);
	}
	globfree(&all);
	return found;
}

/* It leaves any veth alone by a rule of udev's that it brings along since 1.2. */
static void check_networkmanager(struct findings *f)
{
	if (access("/run/NetworkManager", F_OK) < 0 ||
		names_links("/usr/lib/udev/rules.d/85-nm-unmanaged.rules", "veth") ||
		names_links("/etc/NetworkManager/conf.d/*.conf", NETPOOL_LINK))
		return;
	findings_add(f, FINDING_WARNING, PRIVATE ": their way out may be cut",
		"printf '[keyfile]\\nunmanaged-devices+=interface-name:nssh*\\n' "
		">/etc/NetworkManager/conf.d/nsshell.conf, and nmcli general reload",
		"NetworkManager takes links nssh* for its own");
}

void check_network(const struct config *c, struct findings *f)
{
	_cleanup_(policy_clear) struct policy p = { 0 };
	struct netpool pool;
	const char *why;
	struct err e;
	int uses = config_network(c, &p, &e);

	if (uses < 0)
		findings_failed(f, PRIVATE, "mend it, see nsshell.conf(5)", &e);
	if (uses <= 0 || netpool_parse(p.pool, &pool, &why) < 0)
		return;
	check_program(f);
	check_forwarding(&pool, f);
	check_routes(&pool, "/proc/net/route", netpool_v4_prefix, overlaps, f);
	check_routes(&pool, "/proc/net/ipv6_route", netpool_v6_prefix, overlaps6, f);
	check_resolvers(&p, f);
	check_way_out(&p, f);
	check_networkd(f);
	check_networkmanager(f);
}
