/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/scope_property.h"

#include "core/base/cpulist.h"
#include "core/base/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	NUMBER, /* "t", infinity is its largest */
	CPUS,   /* "ay", a bit each */
	DEVICE, /* "a(st)", a device and a number */
};

static const struct property {
	const char *name;
	enum kind kind;
} properties[] = {
	{ "MemoryMax", NUMBER },
	{ "MemoryHigh", NUMBER },
	{ "MemorySwapMax", NUMBER },
	{ "TasksMax", NUMBER },
	{ "CPUQuotaPerSecUSec", NUMBER },
	{ "CPUWeight", NUMBER },
	{ "IOWeight", NUMBER },
	{ "AllowedCPUs", CPUS },
	{ "IOReadBandwidthMax", DEVICE },
	{ "IOWriteBandwidthMax", DEVICE },
	{ "IOReadIOPSMax", DEVICE },
	{ "IOWriteIOPSMax", DEVICE },
};
#define N_PROPERTIES (sizeof(properties) / sizeof(*properties))

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

	if (*value && cpulist_parse(value, &list) < 0)
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

static int append_one(sd_bus_message *m, const struct property *p, const char *value)
{
	switch (p->kind) {
	case CPUS:
		return append_cpus(m, p->name, value);
	case DEVICE:
		return append_device(m, p->name, value);
	case NUMBER:
	default:
		return append_number(m, p->name, value);
	}
}

int scope_properties_append(
	sd_bus_message *m, char *const *words, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		int r = -EINVAL;

		while (k < N_PROPERTIES && !is_named(words[i], properties[k].name))
			k++;
		if (k < N_PROPERTIES)
			r = append_one(m, &properties[k], strchr(words[i], '=') + 1);
		if (r < 0)
			return err_set(e, -r, "property %s", words[i]);
	}
	return 0;
}

int scope_properties_reset(sd_bus_message *m, char *const *words, size_t n, struct err *e)
{
	for (size_t k = 0; k < N_PROPERTIES; k++) {
		const struct property *p = &properties[k];
		bool given = false;
		int r;

		for (size_t i = 0; i < n; i++)
			given |= is_named(words[i], p->name);
		if (given)
			continue;
		r = append_one(m, p, p->kind == NUMBER ? "infinity" : "");
		if (r < 0)
			return err_set(e, -r, "property %s", p->name);
	}
	return 0;
}
