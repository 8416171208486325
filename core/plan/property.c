/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/property.h"

#include "core/base/parse.h"
#include "core/plan/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PERCENT_USEC UINT64_C(10000) /* of a second */

/* The file's row and place. The rows of "io.max" differ by the word that the value has. */
static const struct limit_place *place_of(
	const char *file, const char *value, const struct limit **ret)
{
	for (size_t i = 0; i < LIMITS * LIMIT_PLACES; i++) {
		const struct limit *l = &limits[i / LIMIT_PLACES];

		for (size_t kind = PLAN_CGROUP_V1; kind <= PLAN_CGROUP_V2; kind++) {
			const struct limit_place *p =
				&l->on[kind].places[i % LIMIT_PLACES];

			if (!p->file || strcmp(p->file, file) != 0 ||
				(l->kind == LIMIT_SPEED && !limit_speed(p, value)))
				continue;
			*ret = l;
			return p;
		}
	}
	return NULL;
}

bool property_of(const char *file, const char *value, char *buf, size_t size)
{
	const struct limit *l;
	const struct limit_place *p = place_of(file, value, &l);
	const char *name, *number = value;
	char text[24] = "infinity";
	uint64_t n;

	if (!p || !p->systemd)
		return false;
	*buf = '\0';
	if (!p->none)
		return true;
	name = l->property ? l->property : l->key;
	if (l->kind == LIMIT_SPEED)
		number = limit_speed(p, value);
	if (l->kind != LIMIT_CPUS && limit_read(p, number, &n) == 0 &&
		n != PARSE_INFINITY)
		(void)snprintf(text, sizeof(text), "%" PRIu64,
			l->kind == LIMIT_QUOTA ? n * PERCENT_USEC : n);
	if (l->kind == LIMIT_SPEED)
		(void)snprintf(buf, size, "%s=/dev/block/%.*s %s", name,
			(int)strcspn(value, " "), value, text);
	else
		(void)snprintf(
			buf, size, "%s=%s", name, l->kind == LIMIT_CPUS ? value : text);
	return true;
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
