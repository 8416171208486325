/* SPDX-License-Identifier: BSD-3-Clause */
/* The same of iptables' own tables, those of before nftables: iptables-legacy(8). */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* To ask for a table that isn't there would make it. */
static bool has_filter(void)
{
	char names[256];

	return io_read_text(AT_FDCWD, "/proc/net/ip_tables_names", names,
		       sizeof(names)) >= 0 &&
	       strstr(names, "filter");
}

static struct ipt_get_entries *entries(int sock, struct ipt_getinfo *info)
{
	struct ipt_get_entries *all;
	socklen_t size = sizeof(*info);

	*info = (struct ipt_getinfo){ .name = "filter" };
	if (getsockopt(sock, SOL_IP, IPT_SO_GET_INFO, info, &size) < 0)
		return NULL;
	size = (socklen_t)sizeof(*all) + info->size;
	all = calloc(1, size);
	if (!all)
		return NULL;
	memcpy(all->name, info->name, sizeof(all->name));
	all->size = info->size;
	if (getsockopt(sock, SOL_IP, IPT_SO_GET_ENTRIES, all, &size) == 0)
		return all;
	free(all);
	return NULL;
}

/* The chain's policy is its last rule. */
static bool drops(const struct ipt_get_entries *all, const struct ipt_getinfo *info)
{
	char *at = (char *)all->entrytable, *last = at + info->underflow[NF_INET_FORWARD];
	struct ipt_entry *rule = (struct ipt_entry *)(void *)last;
	struct xt_standard_target *target = (void *)(last + rule->target_offset);

	if (target->verdict != -NF_DROP - 1)
		return false;
	for (at += info->hook_entry[NF_INET_FORWARD]; at < last;
		at += rule->next_offset) {
		rule = (struct ipt_entry *)(void *)at;
		if (strncmp(rule->ip.iniface, NETPOOL_LINK, strlen(NETPOOL_LINK)) == 0)
			return false;
	}
	return true;
}

int net_look_legacy(struct err *e)
{
	_cleanup_close_ int sock = -EBADF;
	_cleanup_free_ struct ipt_get_entries *all = NULL;
	struct ipt_getinfo info;

	if (!has_filter())
		return 0;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	all = sock < 0 ? NULL : entries(sock, &info);
	if (!all || !drops(all, &info))
		return 0;
	return err_set(e, 0,
		"the policy of chain FORWARD of iptables-legacy is to drop what the host passes on");
}
