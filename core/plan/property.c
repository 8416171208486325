/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/property.h"

#include "core/base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
/* cpu.shares of CPUWeight=100 */
#define SHARES 1024U

typedef void word_of(const char *value, char *buf, size_t size);

static void number(const char *value, char *buf, size_t size)
{
	uint64_t n;

	(void)snprintf(buf, size, "%s", parse_u64(value, &n) < 0 ? "infinity" : value);
}

static void text(const char *value, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", value);
}

/* "150000 100000": so many microseconds in so many; "max 100000" */
static void quota(const char *value, char *buf, size_t size)
{
	const char *blank = strchr(value, ' ');
	char first[24] = "";
	uint64_t usec, period;

	if (blank && (size_t)(blank - value) < sizeof(first))
		(void)snprintf(first, sizeof(first), "%.*s", (int)(blank - value), value);
	if (parse_u64(first, &usec) == 0 && parse_u64(blank + 1, &period) == 0 &&
		period > 0)
		(void)snprintf(buf, size, "%" PRIu64, usec * SECOND / period);
	else
		(void)snprintf(buf, size, "infinity");
}

/* Of the period that the kernel and systemd begin with: 100 ms. */
static void quota_v1(const char *value, char *buf, size_t size)
{
	uint64_t usec;

	if (parse_u64(value, &usec) < 0)
		(void)snprintf(buf, size, "infinity");
	else
		(void)snprintf(buf, size, "%" PRIu64, usec * 10);
}

/* Rounded up: the shares of a weight were rounded down. */
static void shares(const char *value, char *buf, size_t size)
{
	uint64_t n;

	if (parse_u64(value, &n) < 0)
		n = SHARES;
	(void)snprintf(buf, size, "%" PRIu64, (n * 100 + SHARES - 1) / SHARES);
}

/* What BFQ takes, 1 to 1000, back to 1 to 10000: above 100 it was stretched less. */
static void bfq_weight(const char *value, char *buf, size_t size)
{
	uint64_t n;

	if (parse_u64(value, &n) == 0 && n > 100)
		n = 100 + ((n - 100) * 9900 + 899) / 900;
	else if (parse_u64(value, &n) < 0)
		n = 100;
	(void)snprintf(buf, size, "%" PRIu64, n);
}

static const struct {
	const char *file, *property;
	word_of *word;
} table[] = {
	{ "memory.max", "MemoryMax", number },
	{ "memory.high", "MemoryHigh", number },
	{ "memory.swap.max", "MemorySwapMax", number },
	{ "memory.limit_in_bytes", "MemoryMax", number },
	{ "pids.max", "TasksMax", number },
	{ "cpu.max", "CPUQuotaPerSecUSec", quota },
	{ "cpu.cfs_quota_us", "CPUQuotaPerSecUSec", quota_v1 },
	{ "cpu.cfs_period_us", NULL, NULL },
	{ "cpu.weight", "CPUWeight", number },
	{ "cpu.shares", "CPUWeight", shares },
	{ "io.weight", "IOWeight", number },
	{ "io.bfq.weight", "IOWeight", bfq_weight },
	{ "cpuset.cpus", "AllowedCPUs", text },
};

/* "8:0 rbps=1000" */
static bool speed(const char *value, char *buf, size_t size)
{
	static const struct {
		const char *word, *property;
	} kinds[] = {
		{ "rbps", "IOReadBandwidthMax" },
		{ "wbps", "IOWriteBandwidthMax" },
		{ "riops", "IOReadIOPSMax" },
		{ "wiops", "IOWriteIOPSMax" },
	};
	const char *blank = strchr(value, ' ');
	const char *sign = blank ? strchr(blank, '=') : NULL;

	if (!sign)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t len = strlen(kinds[i].word);

		if ((size_t)(sign - blank - 1) != len ||
			strncmp(kinds[i].word, blank + 1, len) != 0)
			continue;
		(void)snprintf(buf, size, "%s=/dev/block/%.*s %s", kinds[i].property,
			(int)(blank - value), value,
			strcmp(sign, "=max") == 0 ? "infinity" : sign + 1);
		return true;
	}
	return false;
}

bool property_of(const char *file, const char *value, char *buf, size_t size)
{
	char word[PROPERTY_MAX];

	if (strcmp(file, "io.max") == 0)
		return speed(value, buf, size);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (strcmp(table[i].file, file) != 0)
			continue;
		*buf = '\0';
		if (!table[i].property)
			return true;
		table[i].word(value, word, sizeof(word));
		(void)snprintf(buf, size, "%s=%s", table[i].property, word);
		return true;
	}
	return false;
}

bool property_is_managed(const struct plan_cgroup *c, const char *controller)
{
	/* Of v1's. name=systemd is where systemd keeps track, unified the same on hybrid hosts. */
	static const char *const managed[] = { "cpu", "cpuacct", "memory", "blkio",
		"devices", "pids", "name=systemd", "unified" };

	if (!c->systemd || c->kind == PLAN_CGROUP_V2)
		return c->systemd;
	for (size_t i = 0; i < sizeof(managed) / sizeof(*managed); i++)
		if (strcmp(managed[i], controller) == 0)
			return true;
	return false;
}
