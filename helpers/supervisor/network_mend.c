/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/network.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/run/host/program.h"

int network_mend(const struct plan *plan, int ns, int inside, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	const int fds[] = { ns, inside };
	char number[16];
	bool link = inside >= 0;

	(void)snprintf(number, sizeof(number), "%u", plan->network.number);
	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, "mend") < 0 ||
		(link && strlist_add(&words, number) < 0))
		return err_set(e, ENOMEM, "mend the account's network");
	return program_run(&words, fds, link ? 2 : 0, "nsshell-net didn't answer", e) < 0
		       ? err_wrap(e, "mend the account's network")
		       : 0;
}
