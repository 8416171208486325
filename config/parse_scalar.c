/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsers of keys that hold one value; a later one replaces it. */
#include "config/internal.h"
#include "core/plan/imagename.h"
#include "core/plan/netpool.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTNAME_MAX 64 /* HOST_NAME_MAX, uname(2) */

int config_parse_bool(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key, (void)why, (void)why_size;
	return parse_bool(value, field);
}

/* Every enum of struct policy counts its words from 0 on. */
int config_parse_word(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)why, (void)why_size;
	for (unsigned int i = 0; key->words[i]; i++) {
		if (!strcmp(value, key->words[i])) {
			memcpy(field, &i, sizeof(i));
			return 0;
		}
	}
	return -EINVAL;
}

/* The number that @r and @n tell of, held to the row's limits. */
static int number_store(const struct config_key *key, int r, uint64_t n, uint64_t *field,
	char *why, size_t why_size)
{
	if (r == -ERANGE || (!r && key->max && n != PARSE_INFINITY && n > key->max))
		(void)snprintf(why, why_size, "too large");
	else if (!r && n < key->min)
		(void)snprintf(why, why_size, "too small");
	else if (!r)
		*field = n;
	return r < 0 || *why ? -EINVAL : 0;
}

int config_parse_size(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint64_t n = 0;
	int r = parse_size(value, &n);

	return number_store(key, r, n, field, why, why_size);
}

int config_parse_count(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint64_t n = 0;
	int r = parse_count(value, &n);

	return number_store(key, r, n, field, why, why_size);
}

int config_parse_weight(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint32_t *weight = field;
	uint64_t n = 0, kept = 0;
	int r = parse_u64(value, &n);

	r = number_store(key, r, n, &kept, why, why_size);
	if (!r)
		*weight = (uint32_t)kept;
	return r;
}

int config_parse_quota(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint32_t percent = 0, *quota = field;
	uint64_t kept = 0;
	int r;

	if (!strcmp(value, "infinity")) {
		*quota = 0;
		return 0;
	}
	r = parse_percent(value, &percent);
	r = number_store(key, r, percent, &kept, why, why_size);
	if (!r)
		*quota = (uint32_t)kept;
	return r;
}

int config_parse_linger(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint64_t n = 0, *usec = field;
	bool yes;
	int r;

	if (strcmp(value, "1") != 0 && !parse_bool(value, &yes)) {
		*usec = yes ? PARSE_INFINITY : 0;
		return 0;
	}
	r = parse_timespan(value, &n);
	if (!r && value[strspn(value, "0123456789")] == '\0') {
		(void)snprintf(why, why_size, "the unit is missing: %.20ss or %.20smin",
			value, value);
		return -EINVAL;
	}
	return number_store(key, r, n, usec, why, why_size);
}

int config_parse_hostname(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	char **hostname = field, *copy;

	(void)key;
	if (!*value || strlen(value) > HOSTNAME_MAX || *value == '-' || *value == '.')
		return -EINVAL;
	for (const char *p = value; *p; p++) {
		if (*p == '%' && p[1] && strchr("uhs%", p[1])) {
			p++;
		} else if (*p == '%') {
			(void)snprintf(why, why_size, "'%.2s' stands for nothing", p);
			return -EINVAL;
		} else if (!isascii(*p) || (!isalnum(*p) && *p != '-' && *p != '.')) {
			return -EINVAL;
		}
	}
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*hostname);
	*hostname = copy;
	return 0;
}

/* Whether it is there and listed is asked when it is to be run. */
int config_parse_shell(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	char **shell = field, *copy;

	(void)key, (void)why, (void)why_size;
	if (*value != '/' || strlen(value) >= POLICY_SHELL_MAX || strstr(value, "/../") ||
		!strcmp(strrchr(value, '/'), "/nsshell") ||
		value[strlen(value) - 1] == '/')
		return -EINVAL;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*shell);
	*shell = copy;
	return 0;
}

static bool is_netns_name(const char *s)
{
	if (!*s || strlen(s) >= POLICY_NETNS_MAX || *s == '.' || *s == '-')
		return false;
	for (; *s; s++)
		if (!isascii(*s) || (!isalnum(*s) && !strchr("-_.", *s)))
			return false;
	return true;
}

int config_parse_network(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	struct policy_network n = { .kind = NETWORK_HOST }, *network = field;

	(void)key;
	if (!strncmp(value, "netns:", 6)) {
		if (!is_netns_name(value + 6)) {
			(void)snprintf(why, why_size,
				"NAME is up to %d letters, digits, '-', '_' and '.', as `ip netns list` "
				"shows it",
				POLICY_NETNS_MAX - 1);
			return -EINVAL;
		}
		n.kind = NETWORK_NETNS;
		n.name = strdup(value + 6);
		if (!n.name)
			return -ENOMEM;
	} else if (!strncmp(value, "user:", 5)) {
		if (!*(value + 5) || strlen(value + 5) >= POLICY_NETNS_MAX ||
			strpbrk(value + 5, " \t:/")) {
			(void)snprintf(why, why_size, "NAME is that of an account");
			return -EINVAL;
		}
		n.kind = NETWORK_USER;
		n.name = strdup(value + 5);
		if (!n.name)
			return -ENOMEM;
	} else if (!strcmp(value, "none")) {
		n.kind = NETWORK_NONE;
	} else if (!strcmp(value, "private")) {
		n.kind = NETWORK_PRIVATE;
	} else if (strcmp(value, "host") != 0) {
		return -EINVAL;
	}
	free(network->name);
	*network = n;
	return 0;
}

int config_parse_pool(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	char **pool = field, *copy;
	struct netpool ignored;
	const char *wrong;

	(void)key;
	if (netpool_parse(value, &ignored, &wrong) < 0) {
		(void)snprintf(why, why_size, "%s", wrong);
		return -EINVAL;
	}
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*pool);
	*pool = copy;
	return 0;
}

int config_parse_rootfs(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	char **image = field, name[IMAGE_NAME_MAX], *copy = NULL;

	(void)key;
	if (!strncmp(value, "image:", 6)) {
		if (imagename_parse(value + 6, name) < 0) {
			(void)snprintf(why, why_size,
				"an image is NAME or NAME:TAG, of small letters, digits and single '.', '_' "
				"and '-' between them, as `nsctl image list` shows it");
			return -EINVAL;
		}
		copy = strdup(name);
		if (!copy)
			return -ENOMEM;
	} else if (strcmp(value, "host") != 0) {
		return -EINVAL;
	}
	free(*image);
	*image = copy;
	return 0;
}
