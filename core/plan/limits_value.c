/* SPDX-License-Identifier: BSD-3-Clause */
/* What a limit is, as a policy has it, and as a file of a group says it. */
#include "core/base/parse.h"
#include "core/plan/limits.h"

#include <inttypes.h>
#include <string.h>

#define WEIGHT      100U
#define SHARES      1024U
#define BFQ_MAX     1000U
#define WEIGHT_MAX  10000U
#define PERIOD_USEC UINT64_C(100000)    /* the kernel's own default */
#define V1_NO_LIMIT (UINT64_C(1) << 62) /* v1 says the largest multiple of a page */

/* ---- of a policy -------------------------------------------------------------------- */

/* A path may be listed to be free of what a section above says. */
static bool speed_is_set(const struct strlist *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		if (!strstr(entries->v[i], " infinity"))
			return true;
	return false;
}

bool limit_is_set(const struct limit *l, const struct policy_limits *of)
{
	const void *member = (const char *)of + l->offset;
	const struct policy_amount *amount = member;

	switch (l->kind) {
	case LIMIT_QUOTA:
	case LIMIT_WEIGHT:
		return *(const uint32_t *)member != 0;
	case LIMIT_CPUS:
		return *(char *const *)member != NULL;
	case LIMIT_SPEED:
		return speed_is_set(member);
	default:
		return amount->permyriad != 0 || amount->n < INT64_MAX;
	}
}

uint64_t limit_all(const struct limit *l, const struct plan_host *host)
{
	return l->kind == LIMIT_TASKS ? host->tasks : host->memory;
}

uint64_t limit_amount(const struct policy_amount *a, uint64_t all)
{
	if (a->permyriad == 0)
		return a->n;
	return all / 10000 * a->permyriad + all % 10000 * a->permyriad / 10000;
}

static void put_amount(const struct limit *l, const struct policy_amount *a,
	const struct plan_host *host, char buf[32])
{
	if (a->permyriad != 0 && !host)
		(void)snprintf(
			buf, 32, "%u.%02u%%", a->permyriad / 100, a->permyriad % 100);
	else
		(void)snprintf(buf, 32, "%" PRIu64,
			limit_amount(a, host ? limit_all(l, host) : 0));
}

const char *limit_text(const struct limit *l, const struct policy_limits *of,
	const struct plan_host *host, size_t i, char buf[32])
{
	const void *member = (const char *)of + l->offset;
	const struct strlist *entries = member;

	if (l->kind == LIMIT_SPEED)
		return i < entries->n ? entries->v[i] : NULL;
	if (i > 0)
		return NULL;
	if (l->kind == LIMIT_CPUS)
		return *(char *const *)member;
	if (limit_is_amount(l))
		put_amount(l, member, host, buf);
	else
		(void)snprintf(buf, 32, "%u%s", *(const uint32_t *)member,
			l->kind == LIMIT_QUOTA ? "%" : "");
	return buf;
}

/* ---- of a file ---------------------------------------------------------------------- */

uint32_t limit_scaled(const struct limit_place *p, uint32_t weight)
{
	uint32_t n = weight;

	switch (p->scale) {
	case LIMIT_IN_SHARES:
		n = weight * SHARES / WEIGHT;
		return n < 2 ? 2 : n;
	case LIMIT_IN_BFQ: /* above the default it is stretched less */
		if (weight > WEIGHT)
			n = WEIGHT + (weight - WEIGHT) * (BFQ_MAX - WEIGHT) /
					     (WEIGHT_MAX - WEIGHT);
		return n;
	case LIMIT_IN_CFQ:
		n = weight * 5;
		return n < 10 ? 10 : n > 1000 ? 1000 : n;
	default:
		return n;
	}
}

/* The other way round: a weight that went there comes back. */
static uint64_t unscaled(const struct limit_place *p, uint64_t n, uint64_t period)
{
	switch (p->scale) {
	case LIMIT_IN_PERIODS:
		return n * 100 / period;
	case LIMIT_IN_SHARES:
		return (n * WEIGHT + SHARES / 2) / SHARES;
	case LIMIT_IN_BFQ:
		if (n <= WEIGHT)
			return n;
		return WEIGHT +
		       ((n - WEIGHT) * (WEIGHT_MAX - WEIGHT) + BFQ_MAX - WEIGHT - 1) /
			       (BFQ_MAX - WEIGHT);
	case LIMIT_IN_CFQ:
		return n / 5;
	default:
		return n >= V1_NO_LIMIT ? PARSE_INFINITY : n;
	}
}

/* The number that a text begins with, and what follows. */
static const char *take_number(const char *text, uint64_t *ret)
{
	size_t len = strspn(text, "0123456789");
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	return parse_u64(digits, ret) < 0 ? NULL : text + len;
}

int limit_read(const struct limit_place *p, const char *text, uint64_t *ret)
{
	static const char first[] = "default "; /* io.weight, and then devices */
	uint64_t n, period = PERIOD_USEC;

	if (strncmp(text, first, strlen(first)) == 0)
		text += strlen(first);
	if (strncmp(text, "max", 3) == 0 || *text == '-') {
		*ret = PARSE_INFINITY;
		return 0;
	}
	text = take_number(text, &n);
	if (!text)
		return -1;
	if (p->scale == LIMIT_IN_PERIODS && *text == ' ' &&
		(!take_number(text + 1, &period) || period == 0))
		return -1;
	*ret = unscaled(p, n, period);
	return 0;
}

/* The word for what is limited: "rbps=max", or v1's "0", whose file says what; @ret_len: without
 * the number. */
static const char *speed_word(const struct limit_place *p, size_t *ret_len)
{
	const char *word = p->none + strlen(PLAN_ANY_DISK), *sign = strchr(word, '=');

	*ret_len = sign ? (size_t)(sign - word) + 1 : 0;
	return word;
}

void limit_put_speed(const struct limit_place *p, const char *device, uint64_t speed,
	char *buf, size_t size)
{
	size_t len;
	const char *word = speed_word(p, &len);
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, speed);
	(void)snprintf(buf, size, "%s %.*s%s", device, (int)len, word,
		speed == PARSE_INFINITY ? word + len : number);
}

const char *limit_speed(const struct limit_place *p, const char *line)
{
	size_t len;
	const char *word = speed_word(p, &len);

	while ((line = strchr(line, ' ')))
		if (strncmp(++line, word, len) == 0)
			return line + len;
	return NULL;
}
