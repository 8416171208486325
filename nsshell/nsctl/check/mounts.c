/* SPDX-License-Identifier: BSD-3-Clause */
/* File systems of the host that a box doesn't have, as the plan of an account says. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/plan/plan.h"
#include "core/run/host/host_facts.h"

#include <string.h>

/* Accounts mostly miss the same: a plan of each of a directory's accounts takes too long. */
#define LOOKS_MAX 16

static void tell(const struct plan *plan, struct check_mounts *m, struct findings *f)
{
	for (size_t i = 0; i < plan->n_notes; i++) {
		const char *note = plan->notes[i];

		if (strncmp(note, PLAN_NOTE_MISSED, strlen(PLAN_NOTE_MISSED)) != 0 ||
			strlist_has(&m->told, note))
			continue;
		if (strlist_add(&m->told, note) < 0)
			f->no_memory = true;
		findings_add(f, FINDING_NOTE,
			"isolated accounts, for whom it is empty or absent",
			"BindPaths= for what they need of it, or HostMounts=yes for what it takes: "
			"nsshell.conf(5)",
			"file systems of the host are %.*s (%s, and others perhaps)",
			(int)strcspn(note, ";"), note, plan->user);
	}
}

void check_mounts(
	const struct check_account *a, struct check_mounts *m, struct findings *f)
{
	/* Only the mounts count, for which any range does. */
	static const struct id_range ids = { 1879048192U, 65536 };
	const struct plan_login login = {
		.id = "000000000000", .service = "sshd", .rhost = "", .tty = ""
	};
	struct plan_input in = { .account = a->account,
		.policy = a->policy,
		.login = &login,
		.uid_ranges = &ids,
		.n_uid_ranges = 1,
		.gid_ranges = &ids,
		.n_gid_ranges = 1 };
	struct plan *plan = NULL;
	struct err ignored; /* what a login is refused for is told elsewhere */
	struct host host;

	if (m->looks++ >= LOOKS_MAX ||
		host_gather(a->account, a->policy, &host, &ignored) < 0)
		return;
	in.host = &host.facts;
	if (plan_make(&in, &plan, &ignored) == 0)
		tell(plan, m, f);
	plan_free(plan);
	host_clear(&host);
}
