/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits that this host can't give. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/plan/limits.h"
#include "core/run/host/host_facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* sshd's two, init, the supervisor, a shell and what that runs. */
#define TASKS_LEAST  8
#define MEMORY_LEAST (8U << 20)

static void print_limits(const struct policy_limits *of, FILE *out)
{
	const char *value;
	char buf[32];

	for (size_t i = 0; i < LIMITS; i++)
		for (size_t k = 0; (value = limit_text(&limits[i], of, NULL, k, buf));
			k++)
			(void)fprintf(out, " %s=%s", limits[i].key, value);
}

/* Most accounts have the limits of many others: what they are, as text. NULL: no memory. */
static char *describe(const struct policy *p)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	(void)fprintf(
		out, "%s %d %d", p->slice ? p->slice : "", (int)p->oom, p->user_manager);
	print_limits(&p->limits, out);
	print_limits(&p->slice_limits, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* Of an amount, and no part of the host's. */
static bool is_below(const struct policy_amount *amount, uint64_t least)
{
	return amount->permyriad == 0 && amount->n < least;
}

/* The kernel takes it, and then kills what logs in, or lets it start nothing. */
static void tell_few(const struct policy_limits *l, const char *whom, struct findings *f)
{
	static const char todo[] = "raise it: nsshell.conf(5)";

	if (is_below(&l->tasks_max, TASKS_LEAST))
		findings_add(f, FINDING_WARNING, whom, todo,
			"TasksMax=%" PRIu64
			" is less than the %d processes of a login by ssh that runs something",
			l->tasks_max.n, TASKS_LEAST);
	if (is_below(&l->memory_max, MEMORY_LEAST))
		findings_add(f, FINDING_WARNING, whom, todo,
			"MemoryMax=%" PRIu64
			" is less than the %u MiB of a login by ssh that runs something",
			l->memory_max.n, MEMORY_LEAST >> 20);
}

static void tell(const struct check_account *a, const struct host *host,
	struct strlist *told, struct findings *f)
{
	struct plan *plan = NULL;
	struct err e;
	char whom[128];

	(void)snprintf(whom, sizeof(whom), "%.64s, and others with these limits",
		a->account->name);
	tell_few(&a->policy->limits, whom, f);
	if (plan_limits_check(&host->facts, a->policy, &plan, &e) < 0) {
		if (!strlist_has(told, e.msg) && strlist_add(told, e.msg) == 0)
			findings_add(f, FINDING_ERROR, whom,
				a->policy->on_error == ON_ERROR_DENY
					? "mend it: their isolated logins are refused"
					: "mend it: they log in without any box (OnError=allow)",
				"a limit that this host can't give: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < plan->n_notes; i++)
		if (!strlist_has(told, plan->notes[i]) &&
			strlist_add(told, plan->notes[i]) == 0)
			findings_add(f, FINDING_NOTE, whom,
				"nothing, or see nsshell.conf(5)", "%s", plan->notes[i]);
	plan_free(plan);
}

void check_limits(const struct check_account *a, struct strlist *seen, struct findings *f)
{
	_cleanup_(host_clear) struct host host = { 0 };
	_cleanup_free_ char *what = describe(a->policy);
	struct err e;

	if (!what) {
		f->no_memory = true;
		return;
	}
	if (strlist_has(seen, what))
		return;
	if (strlist_add(seen, what) < 0)
		f->no_memory = true;
	else if (host_gather(NULL, a->policy, &host, &e) < 0)
		findings_failed(f, a->account->name, "mend it", &e);
	else
		tell(a, &host, seen, f);
}

static bool is_open(const struct policy_limits *l)
{
	return l->memory_max.permyriad == 0 && l->memory_max.n == PARSE_INFINITY;
}

bool check_memory_is_open(const struct check_account *a)
{
	const struct policy *p = a->policy;

	return p->upper == UPPER_TMPFS && is_open(&p->limits) &&
	       (!p->slice || is_open(&p->slice_limits));
}

void check_memory(const struct strlist *open, struct findings *f)
{
	char whom[64];

	if (open->n == 0)
		return;
	(void)snprintf(whom, sizeof(whom), "%.32s%s", open->v[0],
		open->n > 1 ? " and others" : "");
	findings_add(f, FINDING_NOTE, whom,
		"give them MemoryMax=, in [Default] or a section of theirs: nsshell.conf(5), What fills up",
		"no MemoryMax=: %zu account%s can fill the host's memory, with what they write to /tmp, "
		"/dev/shm and their uppers too",
		open->n, open->n == 1 ? "" : "s");
}

bool check_tmp_is_large(const struct check_account *a)
{
	const struct policy *p = a->policy;
	const struct policy_amount *max = &p->limits.memory_max;
	uint64_t most = p->tmp_size;

	if (p->upper == UPPER_TMPFS && p->upper_size > most)
		most = p->upper_size;
	return max->permyriad == 0 && max->n != PARSE_INFINITY && most > max->n;
}

void check_tmp(const struct strlist *large, struct findings *f)
{
	char whom[64];

	if (large->n == 0)
		return;
	(void)snprintf(whom, sizeof(whom), "%.32s%s", large->v[0],
		large->n > 1 ? " and others" : "");
	findings_add(f, FINDING_WARNING, whom,
		"give them a TmpSize= and an UpperSize= below MemoryMax=: nsshell.conf(5)",
		"TmpSize= or UpperSize= above MemoryMax=: %zu account%s can fill /tmp or the like beyond "
		"the memory limit, and instead of \"No space left on device\" the kernel kills what "
		"runs in the session, and the files stay",
		large->n, large->n == 1 ? "" : "s");
}
