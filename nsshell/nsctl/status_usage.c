/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session, its account and its slice use, and may. */
#include "nsshell/nsctl/status.h"

#include "core/plan/limits.h"

#include <inttypes.h>

/* ", CPUQuota=150%", where there is such a limit; @always: also where there is none */
static void print_limit(
	const char *before, const struct usage *u, enum limit_id id, bool always)
{
	const struct limit *l = &limits[id];
	uint64_t n = u->limits[id];
	char text[32];

	if (n == USAGE_UNKNOWN || (n == PARSE_INFINITY && !always))
		return;
	nsctl_bytes(n, limit_is_bytes(l) ? NSCTL_HUMAN : NSCTL_PLAIN, text, sizeof(text));
	(void)printf("%s%s=%s%s", before, l->key, text,
		l->kind == LIMIT_QUOTA && n != PARSE_INFINITY ? "%" : "");
}

/* "12M, peak 30M; the account 40M of 2.0G" */
static void print_memory(const struct status *s)
{
	char used[32], peak[32], all[32];

	nsctl_bytes(s->session->usage.memory, NSCTL_HUMAN, used, sizeof(used));
	if (!used[0])
		return;
	nsctl_bytes(s->session->usage.memory_peak, NSCTL_HUMAN, peak, sizeof(peak));
	nsctl_bytes(s->account.memory, NSCTL_HUMAN, all, sizeof(all));
	(void)printf("%12s: %s%s%s; the account %s", "Memory", used,
		peak[0] ? ", peak " : "", peak, all);
	print_limit(", ", &s->account, LIMIT_MEMORY_MAX, true);
	print_limit(" ", &s->account, LIMIT_MEMORY_HIGH, false);
	print_limit(" ", &s->account, LIMIT_SWAP_MAX, false);
	if (s->account.oom_kills != USAGE_UNKNOWN && s->account.oom_kills > 0)
		(void)printf("; %" PRIu64 " killed at the limit", s->account.oom_kills);
	(void)putchar('\n');
}

static void print_tasks(const struct status *s)
{
	const struct usage *a = &s->account;

	if (s->session->usage.tasks == USAGE_UNKNOWN)
		return;
	(void)printf("%12s: %" PRIu64, "Tasks", s->session->usage.tasks);
	if (a->tasks != USAGE_UNKNOWN)
		(void)printf("; the account %" PRIu64, a->tasks);
	print_limit(", ", a, LIMIT_TASKS_MAX, true);
	if (a->refused_forks != USAGE_UNKNOWN && a->refused_forks > 0)
		(void)printf("; %" PRIu64 " forks refused", a->refused_forks);
	(void)putchar('\n');
}

static void print_cpu(const struct status *s)
{
	const struct usage *a = &s->account;
	char used[32], all[32];

	nsctl_usec(s->session->usage.cpu_usec, NSCTL_HUMAN, used, sizeof(used));
	nsctl_usec(a->cpu_usec, NSCTL_HUMAN, all, sizeof(all));
	if (!used[0])
		return;
	(void)printf("%12s: %s; the account %s", "CPU", used, all);
	print_limit(", ", a, LIMIT_CPU_QUOTA, false);
	print_limit(", ", a, LIMIT_CPU_WEIGHT, false);
	if (s->account_more.cpus[0])
		(void)printf(", AllowedCPUs=%s", s->account_more.cpus);
	if (a->throttled != USAGE_UNKNOWN && a->throttled > 0)
		(void)printf("; held back %" PRIu64 " times", a->throttled);
	(void)putchar('\n');
}

/* "IOReadBandwidthMax=8:0 20000000" for each that is limited. */
static void print_disks(const char *label, const struct usage_more *u)
{
	for (size_t i = 0; i < u->n_disks; i++) {
		const struct usage_disk *d = &u->disks[i];

		(void)printf("%12s:", label);
		for (size_t k = 0; k < POLICY_IO_KINDS; k++)
			if (d->max[k] != PARSE_INFINITY)
				(void)printf(" %s=%s %" PRIu64,
					limits[LIMIT_IO_READ_BPS + k].key, d->device,
					d->max[k]);
		(void)putchar('\n');
	}
}

static void print_io(const struct status *s)
{
	char in[32], out[32];

	nsctl_bytes(s->session->usage.io_read, NSCTL_HUMAN, in, sizeof(in));
	nsctl_bytes(s->session->usage.io_write, NSCTL_HUMAN, out, sizeof(out));
	if (in[0]) {
		(void)printf("%12s: %s read, %s written", "IO", in, out);
		print_limit("; the account ", &s->account, LIMIT_IO_WEIGHT, false);
		(void)putchar('\n');
	}
	print_disks("IO limits", &s->account_more);
}

/* "1.2M in (900 packets), 3.4M out (700); 5 refused": the account's */
static void print_network(const struct status *s)
{
	const struct usage *a = &s->account;
	char in[32], out[32];

	nsctl_bytes(a->net_in, NSCTL_HUMAN, in, sizeof(in));
	nsctl_bytes(a->net_out, NSCTL_HUMAN, out, sizeof(out));
	if (!in[0])
		return;
	(void)printf("%12s: the account %s in (%" PRIu64 " packets), %s out (%" PRIu64
		     ")",
		"Traffic", in, a->net_in_packets, out, a->net_out_packets);
	if (a->net_refused > 0)
		(void)printf("; %" PRIu64 " refused", a->net_refused);
	(void)putchar('\n');
}

/* What the accounts of the slice use together, and may. */
static void print_slice(const struct status *s)
{
	const struct usage *u = &s->slice_usage;
	char used[32];

	if (!s->slice[0])
		return;
	nsctl_bytes(u->memory, NSCTL_HUMAN, used, sizeof(used));
	(void)printf("%12s: %s", "Slice", s->slice);
	if (used[0]) {
		(void)printf("; %s", used);
		print_limit(", ", u, LIMIT_MEMORY_MAX, true);
	}
	if (u->tasks != USAGE_UNKNOWN) {
		(void)printf("; %" PRIu64 " tasks", u->tasks);
		print_limit(", ", u, LIMIT_TASKS_MAX, true);
	}
	print_limit("; ", u, LIMIT_CPU_QUOTA, false);
	if (s->slice_more.cpus[0])
		(void)printf("; AllowedCPUs=%s", s->slice_more.cpus);
	(void)putchar('\n');
	print_disks("Slice's IO", &s->slice_more);
}

static void print_pressure(const struct status *s)
{
	for (size_t i = 0; i < STATUS_PRESSURES; i++) {
		const struct usage_pressure *p = &s->pressure[i].p;

		if (s->pressure[i].there)
			(void)printf(
				"%12s: %s: some %u.%02u%% in 10 s, %u.%02u%% in 5 min; all %u.%02u%% in 10 s\n",
				"Pressure", s->pressure[i].what, p->some10 / 100,
				p->some10 % 100, p->some300 / 100, p->some300 % 100,
				p->full10 / 100, p->full10 % 100);
	}
}

void status_print_usage(const struct status *s)
{
	print_memory(s);
	print_tasks(s);
	print_cpu(s);
	print_io(s);
	print_network(s);
	print_slice(s);
	print_pressure(s);
}
