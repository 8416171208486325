/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that are limits: one row each, from which come the key of the config, what the plan says,
 * the properties of systemd's units, `nsctl set`, and what nsctl reads and shows. Included where
 * LIMIT() is defined:
 *
 *   LIMIT(ID, "Key", member, KIND, initial, hint, min, max, V1(...), V2(...), ...)
 *
 * ID: of enum limit_id. member: of struct policy_limits, of the type that its KIND (enum limit_kind)
 * has. From initial to max: as struct config_key has them. V1(), V2(): the controller, and AT(), a struct
 * limit_place, for each of its files there; left out where there is no such limit. At the end other
 * members of struct limit.
 *
 * The order is the plan's.
 */

#define V1(controller_, ...) .on[PLAN_CGROUP_V1] = { controller_, { __VA_ARGS__ } }
#define V2(controller_, ...) .on[PLAN_CGROUP_V2] = { controller_, { __VA_ARGS__ } }
#define AT(file_, none_, ...)                                                            \
	{                                                                                \
		.file = (file_), .none = (none_), __VA_ARGS__                            \
	}
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
	V1("memory", AT("memory.limit_in_bytes", "-1", .systemd = true)),
	V2("memory", AT("memory.max", "max", .systemd = true)),
	.shown = true, .metric = "account_memory_limit_bytes")
LIMIT(MEMORY_HIGH, "MemoryHigh", memory_high, MEMORY, "infinity", MEMORY_HINT, 1 << 20, 0,
	V1("memory", AT("memory.soft_limit_in_bytes", "-1")),
	V2("memory", AT("memory.high", "max", .systemd = true)))
LIMIT(SWAP_MAX, "MemorySwapMax", swap_max, SWAP, "infinity",
	"a size such as 512M (K, M, G, T), a part of the memory such as 10%, or infinity", 0, 0,
	V1("memory", AT("memory.memsw.limit_in_bytes", "-1")),
	V2("memory", AT("memory.swap.max", "max", .systemd = true)),
	.metric = "account_swap_limit_bytes")
LIMIT(TASKS_MAX, "TasksMax", tasks_max, TASKS, "33%",
	"a whole number from 1 on, a part of the host's maximum such as 10%, or infinity", 1, 0,
	V1("pids", AT("pids.max", "max", .systemd = true)),
	V2("pids", AT("pids.max", "max", .systemd = true)),
	.shown = true, .metric = "account_tasks_limit")
LIMIT(CPU_QUOTA, "CPUQuota", cpu_quota, QUOTA, "infinity",
	"a percentage of one CPU from 1% to 1000000% such as 150%, or infinity", 0, 1000000,
	V1("cpu", AT("cpu.cfs_quota_us", "-1", .systemd = true, .scale = LIMIT_IN_PERIODS),
		AT("cpu.cfs_period_us", NULL, .systemd = true)),
	V2("cpu", AT("cpu.max", "max 100000", .systemd = true, .scale = LIMIT_IN_PERIODS)),
	.shown = true, .property = "CPUQuotaPerSecUSec", .metric = "account_cpu_limit_cpus")
LIMIT(CPU_WEIGHT, "CPUWeight", cpu_weight, WEIGHT, NULL, WEIGHT_HINT, 1, 10000,
	V1("cpu", AT("cpu.shares", "1024", .systemd = true, .scale = LIMIT_IN_SHARES)),
	V2("cpu", AT("cpu.weight", "100", .systemd = true)))
LIMIT(ALLOWED_CPUS, "AllowedCPUs", cpus, CPUS, NULL,
	"CPUs and ranges of them such as 0-3,7, or all", 0, 0,
	V1("cpuset", AT("cpuset.cpus", "", .systemd = true)),
	V2("cpuset", AT("cpuset.cpus", "", .systemd = true)))
LIMIT(IO_WEIGHT, "IOWeight", io_weight, WEIGHT, NULL, WEIGHT_HINT, 1, 10000,
	V1("blkio", AT("blkio.bfq.weight", "100", .scale = LIMIT_IN_BFQ),
		AT("blkio.weight", "500", .scale = LIMIT_IN_CFQ)),
	V2("io", AT("io.weight", "100", .systemd = true),
		AT("io.bfq.weight", "100", .systemd = true, .scale = LIMIT_IN_BFQ)))
LIMIT(IO_READ_BPS, "IOReadBandwidthMax", io[POLICY_IO_READ_BANDWIDTH], SPEED, "", BPS_HINT, 0, 0,
	V1("blkio", AT("blkio.throttle.read_bps_device", PLAN_ANY_DISK "0")),
	V2("io", AT("io.max", PLAN_ANY_DISK "rbps=max", .systemd = true)))
LIMIT(IO_WRITE_BPS, "IOWriteBandwidthMax", io[POLICY_IO_WRITE_BANDWIDTH], SPEED, "", BPS_HINT, 0, 0,
	V1("blkio", AT("blkio.throttle.write_bps_device", PLAN_ANY_DISK "0")),
	V2("io", AT("io.max", PLAN_ANY_DISK "wbps=max", .systemd = true)))
LIMIT(IO_READ_IOPS, "IOReadIOPSMax", io[POLICY_IO_READ_IOPS], SPEED, "", IOPS_HINT, 0, 0,
	V1("blkio", AT("blkio.throttle.read_iops_device", PLAN_ANY_DISK "0")),
	V2("io", AT("io.max", PLAN_ANY_DISK "riops=max", .systemd = true)))
LIMIT(IO_WRITE_IOPS, "IOWriteIOPSMax", io[POLICY_IO_WRITE_IOPS], SPEED, "", IOPS_HINT, 0, 0,
	V1("blkio", AT("blkio.throttle.write_iops_device", PLAN_ANY_DISK "0")),
	V2("io", AT("io.max", PLAN_ANY_DISK "wiops=max", .systemd = true)))
/* clang-format on */

#undef LIMIT
#undef V1
#undef V2
#undef AT
#undef MEMORY_HINT
#undef WEIGHT_HINT
#undef BPS_HINT
#undef IOPS_HINT
