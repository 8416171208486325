/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/netfacts.h"

#include "core/base/io.h"

#include <fcntl.h>
#include <string.h>

#define RESOLV_MAX 16384

static bool says(const char *path, const char *word)
{
	char text[16];

	return io_read_text(AT_FDCWD, path, text, sizeof(text)) >= 0 &&
	       strncmp(text, word, strlen(word)) == 0;
}

static const char *text_of(struct host *h, const char *path)
{
	char text[RESOLV_MAX];

	return io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0
		       ? NULL
		       : arena_strdup(&h->arena, text);
}

bool netfacts_ipv6(void)
{
	return says("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0") &&
	       says("/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
}

void netfacts_gather(struct host *h)
{
	h->facts.resolv = text_of(h, "/etc/resolv.conf");
	h->facts.resolv_uplink = text_of(h, "/run/systemd/resolve/resolv.conf");
	h->facts.ipv6 = netfacts_ipv6();
	h->facts.forwards4 = !says("/proc/sys/net/ipv4/ip_forward", "0");
	h->facts.forwards6 = !says("/proc/sys/net/ipv6/conf/all/forwarding", "0");
}
