/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel counts of a group: one row for JSON, the table and Prometheus. Limits: limits_rows.h. */
#include "nsshell/nsctl/sessions.h"

/* clang-format off */
#define FIELD(member, ...) { #member, offsetof(struct usage, member), __VA_ARGS__ }

const struct nsctl_field nsctl_fields[] = {
	FIELD(memory, NSCTL_BYTES, "account_memory_bytes",
		"Memory that the sessions of an account use, caches included."),
	FIELD(memory_peak, NSCTL_BYTES, NULL, NULL),
	FIELD(swap, NSCTL_BYTES, NULL, NULL),
	FIELD(cpu_usec, NSCTL_USEC, "account_cpu_seconds_total",
		"CPU time that the sessions of an account have used."),
	FIELD(throttled, NSCTL_COUNT, "account_cpu_throttled_periods_total",
		"Periods of 0.1 s in which CPUQuota= held an account back."),
	FIELD(tasks, NSCTL_COUNT, "account_tasks",
		"Processes and threads in the sessions of an account."),
	FIELD(io_read, NSCTL_BYTES, "account_io_read_bytes_total",
		"Bytes that the sessions of an account have read from disks."),
	FIELD(io_write, NSCTL_BYTES, "account_io_written_bytes_total",
		"Bytes that the sessions of an account have written to disks."),
	FIELD(oom_kills, NSCTL_COUNT, "account_oom_kills_total",
		"Processes killed at MemoryMax= of an account."),
	FIELD(refused_forks, NSCTL_COUNT, "account_forks_refused_total",
		"Times that TasksMax= of an account refused a new process or thread."),
	FIELD(net_in, NSCTL_BYTES, "account_network_received_bytes_total",
		"Bytes that an account with Network=private has received."),
	FIELD(net_out, NSCTL_BYTES, "account_network_sent_bytes_total",
		"Bytes that an account with Network=private has sent."),
	FIELD(net_in_packets, NSCTL_COUNT, "account_network_received_packets_total",
		"Packets that an account with Network=private has received."),
	FIELD(net_out_packets, NSCTL_COUNT, "account_network_sent_packets_total",
		"Packets that an account with Network=private has sent."),
	FIELD(net_refused, NSCTL_COUNT, "account_network_refused_packets_total",
		"Packets of an account with Network=private that were refused."),
	{ 0 },
};
/* clang-format on */

uint64_t nsctl_field(const struct nsctl_field *f, const struct usage *u)
{
	return *(const uint64_t *)(const void *)((const char *)u + f->offset);
}
