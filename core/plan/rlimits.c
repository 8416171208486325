/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/rlimits.h"

#include "core/base/parse.h"

#include <string.h>

#define MIB (1ULL << 20)
#define ANY RLIM_INFINITY

/* As proc_pid_limits(5) and getrlimit(2) have them. Of processes and signals the kernel gives by
 * its memory; 16384 is what a host of 4 GiB has. */
static const struct {
	const char *name;
	struct rlimit usual;
} rows[RLIMIT_NLIMITS] = {
	[RLIMIT_CPU] = { "Max cpu time", { ANY, ANY } },
	[RLIMIT_FSIZE] = { "Max file size", { ANY, ANY } },
	[RLIMIT_DATA] = { "Max data size", { ANY, ANY } },
	[RLIMIT_STACK] = { "Max stack size", { 8 * MIB, ANY } },
	[RLIMIT_CORE] = { "Max core file size", { 0, ANY } },
	[RLIMIT_RSS] = { "Max resident set", { ANY, ANY } },
	[RLIMIT_NPROC] = { "Max processes", { 16384, 16384 } },
	[RLIMIT_NOFILE] = { "Max open files", { 1024, 4096 } },
	[RLIMIT_MEMLOCK] = { "Max locked memory", { 8 * MIB, 8 * MIB } },
	[RLIMIT_AS] = { "Max address space", { ANY, ANY } },
	[RLIMIT_LOCKS] = { "Max file locks", { ANY, ANY } },
	[RLIMIT_SIGPENDING] = { "Max pending signals", { 16384, 16384 } },
	[RLIMIT_MSGQUEUE] = { "Max msgqueue size", { 819200, 819200 } },
	[RLIMIT_NICE] = { "Max nice priority", { 0, 0 } },
	[RLIMIT_RTPRIO] = { "Max realtime priority", { 0, 0 } },
	[RLIMIT_RTTIME] = { "Max realtime timeout", { ANY, ANY } },
};

void rlimits_usual(struct rlimit ret[RLIMIT_NLIMITS])
{
	for (size_t i = 0; i < RLIMIT_NLIMITS; i++)
		ret[i] = rows[i].usual;
}

void rlimits_cap(
	struct rlimit ret[RLIMIT_NLIMITS], const struct rlimit most[RLIMIT_NLIMITS])
{
	for (size_t i = 0; i < RLIMIT_NLIMITS; i++) {
		if (ret[i].rlim_cur > most[i].rlim_cur)
			ret[i].rlim_cur = most[i].rlim_cur;
		if (ret[i].rlim_max > most[i].rlim_max)
			ret[i].rlim_max = most[i].rlim_max;
	}
}

/* The next word. Return: what follows it, or NULL. */
static const char *take_number(const char *at, rlim_t *ret)
{
	char word[24];
	uint64_t n = RLIM_INFINITY;
	size_t len;

	at += strspn(at, " ");
	len = strcspn(at, " \n");
	if (len >= sizeof(word))
		return NULL;
	memcpy(word, at, len);
	word[len] = '\0';
	if (strcmp(word, "unlimited") != 0 && parse_u64(word, &n) < 0)
		return NULL;
	*ret = n;
	return at + len;
}

/* "Max open files            1024                 4096                 files" */
static int take_row(const char *text, const char *name, struct rlimit *ret)
{
	const char *at = strstr(text, name);

	if (at)
		at = take_number(at + strlen(name), &ret->rlim_cur);
	if (at)
		at = take_number(at, &ret->rlim_max);
	return at ? 0 : -1;
}

int rlimits_parse(const char *text, struct rlimit ret[RLIMIT_NLIMITS])
{
	struct rlimit all[RLIMIT_NLIMITS] = { { 0, 0 } };

	for (size_t i = 0; i < RLIMIT_NLIMITS; i++)
		if (take_row(text, rows[i].name, &all[i]) < 0)
			return -1;
	memcpy(ret, all, sizeof(all));
	return 0;
}
