/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that are limits: one row each, from which come the key of the config, what the plan says,
 * the properties of systemd's units, `nsctl set`, and what nsctl reads and shows. Included where
 * LIMIT() is defined:
 *
 *   LIMIT(ID, "Key", member, KIND, initial, hint, min, max, V1(...), V2(...), ...)
 *
 * ID: of enum limit_id. member: of struct policy_limits, of the type that its KIND (enum limit_kind)
 * has. From initial to max: as struct config_key has them. V1(), V2(): the controller, and a struct
 * limit_place for each of its files there; left out where there is no such limit. At the end other
 * members of struct limit.
 *
 * The order is the plan's.
 */

#define V1(controller_, ...) .on[PLAN_CGROUP_V1] = { controller_, { __VA_ARGS__ } }
#define V2(controller_, ...) .on[PLAN_CGROUP_V2] = { controller_, { __VA_ARGS__ } }
#define MEMORY_HINT                                                                         \
	"a size of at least 1M such as 2G (K, M, G, T), a part of the memory such as 25%, " \
	"or infinity"
#define WEIGHT_HINT "a whole number from 1 to 10000"
#define BPS_HINT                                                                         \
	"a path and bytes in a second such as /home 20M (K, M, G, T by 1000), or infinity"
#define IOPS_HINT                                                                        \
	"a path and operations in a second such as /home 500 (K, M, G, T by 1000), or infinity"

/* clang-format off */
LIMIT(MEMORY_MAX, "MemoryMax", memory_max, MEMORY, "infinity", MEMORY_HINT, 1 << 20, 0,
	V1("memory", { "memory.limit_in_bytes", "-1", LIMIT_PROPERTY }),
	V2("memory", { "memory.max", "max", LIMIT_PROPERTY }),
	.shown = true, .metric = "account_memory_limit_bytes")
LIMIT(MEMORY_HIGH, "MemoryHigh", memory_high, MEMORY, "infinity", MEMORY_HINT, 1 << 20, 0,
	V1("memory", { "memory.soft_limit_in_bytes", "-1" }),
	V2("memory", { "memory.high", "max", LIMIT_PROPERTY }))
LIMIT(SWAP_MAX, "MemorySwapMax", swap_max, SWAP, "infinity",
	"a size such as 512M (K, M, G, T), a part of the memory such as 10%, or infinity", 0, 0,
	V1("memory", { "memory.memsw.limit_in_bytes", "-1" }),
	V2("memory", { "memory.swap.max", "max", LIMIT_PROPERTY }),
	.metric = "account_swap_limit_bytes")
LIMIT(TASKS_MAX, "TasksMax", tasks_max, TASKS, "33%",
	"a whole number from 1 on, a part of the host's maximum such as 10%, or infinity", 1, 0,
	V1("pids", { "pids.max", "max", LIMIT_PROPERTY }),
	V2("pids", { "pids.max", "max", LIMIT_PROPERTY }),
	.shown = true, .metric = "account_tasks_limit")
LIMIT(CPU_QUOTA, "CPUQuota", cpu_quota, QUOTA, "infinity",
	"a percentage of one CPU from 1% to 1000000% such as 150%, or infinity", 0, 1000000,
	V1("cpu", { "cpu.cfs_quota_us", "-1", LIMIT_PROPERTY, LIMIT_IN_PERIODS },
		{ "cpu.cfs_period_us", NULL, LIMIT_PROPERTY }),
	V2("cpu", { "cpu.max", "max 100000", LIMIT_PROPERTY, LIMIT_IN_PERIODS }),
	.shown = true, .property = "CPUQuotaPerSecUSec", .metric = "account_cpu_limit_cpus")
LIMIT(CPU_WEIGHT, "CPUWeight", cpu_weight, WEIGHT, NULL, WEIGHT_HINT, 1, 10000,
	V1("cpu", { "cpu.shares", "1024", LIMIT_PROPERTY, LIMIT_IN_SHARES }),
	V2("cpu", { "cpu.weight", "100", LIMIT_PROPERTY }))
LIMIT(ALLOWED_CPUS, "AllowedCPUs", cpus, CPUS, NULL,
	"CPUs and ranges of them such as 0-3,7, or all", 0, 0,
	V1("cpuset", { "cpuset.cpus", "", LIMIT_PROPERTY }),
	V2("cpuset", { "cpuset.cpus", "", LIMIT_PROPERTY }))
LIMIT(IO_WEIGHT, "IOWeight", io_weight, WEIGHT, NULL, WEIGHT_HINT, 1, 10000,
	V1("blkio", { "blkio.bfq.weight", "100", .scale = LIMIT_IN_BFQ },
		{ "blkio.weight", "500", .scale = LIMIT_IN_CFQ }),
	V2("io", { "io.weight", "100", LIMIT_PROPERTY },
		{ "io.bfq.weight", "100", LIMIT_PROPERTY, LIMIT_IN_BFQ }))
LIMIT(IO_READ_BPS, "IOReadBandwidthMax", io[POLICY_IO_READ_BANDWIDTH], SPEED, "", BPS_HINT, 0, 0,
	V1("blkio", { "blkio.throttle.read_bps_device", PLAN_ANY_DISK "0" }),
	V2("io", { "io.max", PLAN_ANY_DISK "rbps=max", LIMIT_PROPERTY }))
LIMIT(IO_WRITE_BPS, "IOWriteBandwidthMax", io[POLICY_IO_WRITE_BANDWIDTH], SPEED, "", BPS_HINT, 0, 0,
	V1("blkio", { "blkio.throttle.write_bps_device", PLAN_ANY_DISK "0" }),
	V2("io", { "io.max", PLAN_ANY_DISK "wbps=max", LIMIT_PROPERTY }))
LIMIT(IO_READ_IOPS, "IOReadIOPSMax", io[POLICY_IO_READ_IOPS], SPEED, "", IOPS_HINT, 0, 0,
	V1("blkio", { "blkio.throttle.read_iops_device", PLAN_ANY_DISK "0" }),
	V2("io", { "io.max", PLAN_ANY_DISK "riops=max", LIMIT_PROPERTY }))
LIMIT(IO_WRITE_IOPS, "IOWriteIOPSMax", io[POLICY_IO_WRITE_IOPS], SPEED, "", IOPS_HINT, 0, 0,
	V1("blkio", { "blkio.throttle.write_iops_device", PLAN_ANY_DISK "0" }),
	V2("io", { "io.max", PLAN_ANY_DISK "wiops=max", LIMIT_PROPERTY }))
/* clang-format on */

#undef LIMIT
