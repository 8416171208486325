/* SPDX-License-Identifier: BSD-3-Clause */
/* MemoryMax=, MemoryHigh=, MemorySwapMax= */
#include "core/plan/limits_internal.h"

#define PAGE UINT64_C(4096)

/* The kernel counts pages; what it shows back is rounded down to one. */
static void put_bytes(
	struct limit_file *f, const struct limit_ask *a, const char *file, uint64_t bytes)
{
	if (bytes >= INT64_MAX)
		limit_put_word(f, a, "memory", file, limit_is_v2(a) ? "max" : "-1");
	else
		limit_put(f, a, "memory", file, bytes / PAGE * PAGE);
}

static uint64_t at_least_a_page(uint64_t bytes)
{
	return bytes < PAGE ? PAGE : bytes;
}

int limit_memory_max(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint64_t bytes;

	if (limit_amount(a, &a->limits->memory_max, a->host->memory, &bytes, e) < 0)
		return -1;
	*n = 1;
	put_bytes(f, a, limit_is_v2(a) ? "memory.max" : "memory.limit_in_bytes",
		at_least_a_page(bytes));
	return 0;
}

int limit_memory_high(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint64_t bytes;

	if (limit_amount(a, &a->limits->memory_high, a->host->memory, &bytes, e) < 0)
		return -1;
	*n = 1;
	put_bytes(f, a, limit_is_v2(a) ? "memory.high" : "memory.soft_limit_in_bytes",
		at_least_a_page(bytes));
	return 0;
}

/* v1 has no limit of swap, but one of memory and swap together. */
static int swap_of_v1(const struct limit_ask *a, uint64_t swap, struct limit_file *f,
	size_t *n, struct err *e)
{
	static const char file[] = "memory.memsw.limit_in_bytes";
	uint64_t memory, sum;

	if (limit_is_lacking(a, file))
		return err_set(e, 0,
			"%s=: this host doesn't count swap; boot with swapaccount=1, or unset %s=",
			a->key, a->key);
	if (limit_amount(a, &a->limits->memory_max, a->host->memory, &memory, e) < 0)
		return -1;
	if (swap < INT64_MAX && memory >= INT64_MAX)
		return err_set(e, 0,
			"%s=: cgroup v1 limits memory and swap together only; set MemoryMax=, too",
			a->key);
	if (__builtin_add_overflow(
		    at_least_a_page(memory) / PAGE * PAGE, swap / PAGE * PAGE, &sum))
		sum = PARSE_INFINITY;
	*n = 1;
	put_bytes(f, a, file, swap >= INT64_MAX ? PARSE_INFINITY : sum);
	return 0;
}

int limit_swap_max(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	static const char file[] = "memory.swap.max";
	uint64_t bytes;

	if (limit_amount(a, &a->limits->swap_max, a->host->memory, &bytes, e) < 0)
		return -1;
	if (!limit_is_v2(a))
		return swap_of_v1(a, bytes, f, n, e);
	if (limit_is_lacking(a, file))
		return err_set(e, 0,
			"%s=: this host's kernel has no %s; boot with swapaccount=1, or unset %s=",
			a->key, file, a->key);
	*n = 1;
	put_bytes(f, a, file, bytes);
	return 0;
}
