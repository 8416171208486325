/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/scope/property.h"

#include "core/base/cpulist.h"
#include "core/base/parse.h"
#include "core/plan/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of(const struct limit *l)
{
	return l->property ? l->property : l->key;
}

static bool is_named(const char *word, const char *name)
{
	size_t len = strlen(name);

	return strncmp(word, name, len) == 0 && word[len] == '=';
}

static int append_number(sd_bus_message *m, const char *name, const char *value)
{
	uint64_t n;

	if (parse_count(value, &n) < 0)
		return -EINVAL;
	return sd_bus_message_append(m, "(sv)", name, "t", n);
}

static int append_mask(
	sd_bus_message *m, const char *name, const uint8_t *mask, size_t size)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', mask, size);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_cpus(sd_bus_message *m, const char *name, const char *value)
{
	uint8_t mask[CPULIST_MAX / 8] = { 0 };
	struct cpulist list = { 0 };
	size_t size = 0;

	if (*value && cpulist_read(value, &list) < 0)
		return -EINVAL;
	for (size_t i = 0; i < CPULIST_MAX; i++)
		if (list.bits[i / 64] >> i % 64 & 1) {
			mask[i / 8] |= (uint8_t)(1U << i % 8);
			size = i / 8 + 1;
		}
	return append_mask(m, name, mask, size);
}

/* "/dev/block/8:0 1000" */
static int append_device(sd_bus_message *m, const char *name, const char *value)
{
	const char *blank = strchr(value, ' ');
	char device[256];
	uint64_t n;

	if (*value == '\0')
		return sd_bus_message_append(m, "(sv)", name, "a(st)", 0);
	if (!blank || (size_t)(blank - value) >= sizeof(device) ||
		parse_count(blank + 1, &n) < 0)
		return -EINVAL;
	(void)snprintf(device, sizeof(device), "%.*s", (int)(blank - value), value);
	return sd_bus_message_append(m, "(sv)", name, "a(st)", 1, device, n);
}

/* "t", where infinity is its largest; for CPUs "ay", a bit each; for devices "a(st)". */
static int append_one(sd_bus_message *m, const struct limit *l, const char *value)
{
	if (l->kind == LIMIT_CPUS)
		return append_cpus(m, name_of(l), value);
	if (l->kind == LIMIT_SPEED)
		return append_device(m, name_of(l), value);
	return append_number(m, name_of(l), value);
}

int scope_properties_append(
	sd_bus_message *m, char *const *words, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		int r = -EINVAL;

		while (k < LIMITS && !is_named(words[i], name_of(&limits[k])))
			k++;
		if (k < LIMITS)
			r = append_one(m, &limits[k], strchr(words[i], '=') + 1);
		if (r < 0)
			return err_set(e, -r, "property %s", words[i]);
	}
	return 0;
}

int scope_properties_reset(sd_bus_message *m, char *const *words, size_t n, struct err *e)
{
	for (const struct limit *l = limits; l < limits + LIMITS; l++) {
		bool given = false;
		int r;

		for (size_t i = 0; i < n; i++)
			given |= is_named(words[i], name_of(l));
		if (given)
			continue;
		r = append_one(m, l,
			l->kind == LIMIT_CPUS || l->kind == LIMIT_SPEED ? ""
									: "infinity");
		if (r < 0)
			return err_set(e, -r, "property %s", name_of(l));
	}
	return 0;
}
