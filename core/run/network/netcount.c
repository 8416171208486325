/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/network/netcount.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/run/host/program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool take_line(const char *line, struct netcount *c)
{
	return sscanf(line,
		       "%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		       " %" SCNu64,
		       &c->number, &c->in_bytes, &c->in_packets, &c->out_bytes,
		       &c->out_packets, &c->refused) == 6;
}

int netcount_read(struct netcount **ret, size_t *ret_n, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	_cleanup_free_ char *text = NULL;
	struct netcount *all;
	size_t lines = 1, n = 0;
	char *rest, *line;

	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, "count") < 0)
		return err_set(e, ENOMEM, "count what went through links");
	if (program_read(&words, &text, "nsshell-net didn't answer", e) < 0)
		return -1;
	for (const char *s = text; *s; s++)
		lines += *s == '\n';
	all = calloc(lines, sizeof(*all));
	if (!all)
		return err_set(e, ENOMEM, "count what went through links");
	rest = text;
	while ((line = strsep(&rest, "\n")))
		n += take_line(line, &all[n]);
	*ret = all;
	*ret_n = n;
	return 0;
}

void netcount_use(const struct netcount *all, size_t n, uint32_t number, struct usage *u)
{
	for (size_t i = 0; i < n; i++) {
		if (all[i].number != number)
			continue;
		u->net_in = all[i].in_bytes;
		u->net_in_packets = all[i].in_packets;
		u->net_out = all[i].out_bytes;
		u->net_out_packets = all[i].out_packets;
		u->net_refused = all[i].refused;
	}
}
