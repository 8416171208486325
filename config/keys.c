/* SPDX-License-Identifier: BSD-3-Clause */
/* The keys: one row each. nsshell.conf(5) and the shipped file follow this table. */
#include "config/internal.h"
#include "core/plan/limits.h"
#include "core/plan/netpool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PAGE      UINT64_C(4096)

#define HINT_BOOL "yes or no"
#define HINT_TMP  "a size of at least 4K such as 512M (K, M, G, T), or infinity"
#define HINT_BIND "absolute paths without '..', as [-]SOURCE or [-]SOURCE:TARGET"
#define HINT_IP                                                                           \
	"addresses and prefixes such as 10.0.0.0/8 fd00::/8, any, localhost, link-local " \
	"or multicast"
#define HINT_PATH "absolute paths without '..', a '-' before one that may be absent"

static const char *const abstract_words[] = { "private", "shared", NULL };
static const char *const network_words[] = { "account", "login", NULL };
static const char *const share_words[] = { "login", "account", NULL };
static const char *const tmp_words[] = { "login", "account", NULL };
static const char *const change_words[] = { "keep", "reset", "refuse", NULL };
static const char *const upper_words[] = { "none", "tmpfs", "disk", NULL };
static const char *const error_words[] = { "deny", "allow", NULL };
static const char *const oom_words[] = { "continue", "kill", NULL };
static const char *const group_words[] = { "keep", "none", NULL };

#define ROW(name_, parse_, member, initial_, hint_, ...)                                 \
	{                                                                                \
		.name = name_, .parse = config_parse_##parse_,                           \
		.offset = offsetof(struct policy, member), .initial = initial_,          \
		.hint = hint_, __VA_ARGS__                                               \
	}

/* A row of limits_rows.h: a key of [Slice NAME], too. Its kind says who parses it. */
#define PARSE_MEMORY config_parse_amount
#define PARSE_SWAP   config_parse_amount
#define PARSE_TASKS  config_parse_tasks
#define PARSE_QUOTA  config_parse_quota
#define PARSE_WEIGHT config_parse_weight
#define PARSE_CPUS   config_parse_cpus
#define PARSE_SPEED  config_parse_io
#define LIMIT(id_, name_, member_, kind_, initial_, hint_, min_, max_, ...)              \
	{ .name = (name_),                                                               \
		.parse = PARSE_##kind_,                                                  \
		.offset = offsetof(struct policy, limits.member_),                       \
		.initial = (initial_),                                                   \
		.hint = (hint_),                                                         \
		.min = (min_),                                                           \
		.max = (max_),                                                           \
		.list = LIMIT_##kind_ == LIMIT_SPEED,                                    \
		.limit = true },

/* clang-format off */
const struct config_key config_keys[] = {
	ROW("Isolate", bool, isolate, "no", HINT_BOOL),
	ROW("Services", services, services, "sshd login su su-l runuser runuser-l cron nsshell",
		"names of PAM services, such as: sshd login", .list = true),
	ROW("Share", word, share, "login", "login or account", .words = share_words),
	ROW("SessionsMax", count, sessions_max, "32",
		"a whole number from 1 to 1024, or infinity", .min = 1, .max = 1024),
	ROW("Linger", linger, linger_usec, "no",
		"no, yes or a time span with its unit such as 30min"),
	ROW("Hostname", hostname, hostname, "%h",
		"up to 64 letters, digits, '-', '.' and %u, %h, %s, %%, such as %h-%u"),
	ROW("Root", bool, root, "no", HINT_BOOL),
	ROW("RootFS", rootfs, image, "host", "host or image:NAME or image:NAME:TAG"),
	ROW("RootFSAllow", rootfs_allow, rootfs_allow, "",
		"names of images, NAME or NAME:TAG, and host, such as: debian:12 host",
		.list = true),
	ROW("Upper", word, upper, "none", "none, tmpfs or disk", .words = upper_words),
	ROW("UpperSize", size, upper_size, "1G", HINT_TMP, .min = PAGE),
	ROW("UpperOnChange", word, on_change, "keep", "keep, reset or refuse",
		.words = change_words),
	ROW("PrivateTmp", word, tmp, "login", "login or account", .words = tmp_words),
	ROW("TmpSize", size, tmp_size, "512M", HINT_TMP, .min = PAGE),
	ROW("BindPaths", binds, bind_paths, "", HINT_BIND, .list = true),
	ROW("BindReadOnlyPaths", binds, bind_ro_paths, "", HINT_BIND, .list = true),
	ROW("Volumes", volumes, volumes, "",
		"NAME:/PATH, a name being of small letters, digits and single '.', '_' and '-' between "
		"them, 31 at most, such as: data:/srv/data", .list = true),
	ROW("HostMounts", bool, host_mounts, "no", HINT_BOOL),
	ROW("InaccessiblePaths", paths, inaccessible_paths, "", HINT_PATH, .list = true),
	ROW("Devices", devices, devices, "",
		"paths below /dev, a '-' before one that may be absent", .list = true),
	ROW("Sockets", paths, sockets, "", HINT_PATH, .list = true),
	ROW("Environment", environment, environment, "",
		"NAME=VALUE, with quotes where there are blanks in it, such as: EDITOR=vi \"MOTTO=so what\"",
		.list = true, .quoted = true),
	ROW("HostCommands", commands, host_commands, "passwd crontab",
		"names of commands as nsshell-commands(5) has them, such as: passwd crontab, or none",
		.list = true),
	ROW("AbstractSockets", word, abstract, "private", "private or shared",
		.words = abstract_words),
	ROW("Network", network, network, "host", "host, none, private, netns:NAME or user:NAME"),
	ROW("NetworkAllowUsers", users, network_users, "", "names of accounts", .list = true),
	ROW("NetworkShare", word, network_share, "account", "account or login",
		.words = network_words),
	ROW("IPAddressAllow", addresses, ip_allow, "", HINT_IP, .list = true),
	ROW("IPAddressDeny", addresses, ip_deny, "", HINT_IP, .list = true),
	ROW("RestrictPorts", ports, restrict_ports, "",
		"ports or ranges, with /tcp or /udp where it is for one of them, such as 25 6000-6010/tcp",
		.list = true),
	ROW("Publish", publish, publish, "",
		"ports of the host that lead inside, as [ADDRESS:]PORT[:PORT][/udp], such as 8000 "
		"192.0.2.1:80:8000 or 6000-6009/udp", .list = true),
	ROW("AllowUserNamespaces", bool, allow_user_namespaces, "no", HINT_BOOL),
	ROW("SystemCallFilter", filter, filter, "default",
		"no, default, and names of system calls and @groups to allow, with a '~' before "
		"one to refuse", .list = true),
	ROW("RestrictAddressFamilies", families, families, "default",
		"no, none, default, and names such as AF_VSOCK to allow, with a '~' before one to "
		"refuse", .list = true),
#include "core/plan/limits_rows.h"
	ROW("Slice", slice, slice, NULL,
		"the name of a [Slice NAME] section, up to 31 letters, digits and '_', or none"),
	ROW("OOMPolicy", word, oom, "continue", "continue or kill", .words = oom_words),
	ROW("OnError", word, on_error, "deny", "deny or allow", .words = error_words),
	ROW("SupplementaryGroups", word, groups, "keep", "keep or none", .words = group_words),
	ROW("UserManager", bool, user_manager, "no", HINT_BOOL),
	ROW("NotifyJoin", bool, notify_join, "yes", HINT_BOOL),
	ROW("Pool", pool, pool, NETPOOL_DEFAULT,
		"a prefix of IPv4, and perhaps one of IPv6, such as " NETPOOL_DEFAULT,
		.network = true),
	ROW("ConnectionsMax", count, connections_max, NETPOOL_CONNECTIONS,
		"a whole number from 1 to 1000000", .min = 1, .max = 1000000, .network = true),
	ROW("DNS", dns, dns, "", "addresses of resolvers, such as 192.0.2.53 2001:db8::53",
		.list = true, .network = true),
	ROW("Record", bool, record, "no", HINT_BOOL),
	ROW("Shell", shell, shell, NULL,
		"the absolute path of a shell that /etc/shells lists, not of nsshell itself"),
};
/* clang-format on */

const size_t config_n_keys = sizeof(config_keys) / sizeof(*config_keys);
_Static_assert(sizeof(config_keys) / sizeof(*config_keys) <= CONFIG_KEYS_MAX,
	"config_section.seen has no room for that many keys");

const struct config_key *config_key_find(const char *name, size_t len)
{
	for (size_t i = 0; i < config_n_keys; i++) {
		const char *have = config_keys[i].name;

		if (strlen(have) == len && !memcmp(have, name, len))
			return &config_keys[i];
	}
	return NULL;
}

size_t config_key_index(const struct config_key *key)
{
	return (size_t)(key - config_keys);
}

/* Letters to insert, drop or replace between two names, case aside; both up to 31 long.
 */
static size_t name_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[32];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best =
				corner + (strncasecmp(a + i - 1, b + j - 1, 1) != 0);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

const char *config_key_resembling(const char *name, size_t len)
{
	const char *nearest = NULL;
	size_t least = 3;

	if (len > 31)
		return NULL;
	for (size_t i = 0; i < config_n_keys; i++) {
		const char *have = config_keys[i].name;
		size_t d = name_distance(name, len, have, strlen(have));

		if (d < least && d * 2 < len) {
			least = d;
			nearest = have;
		}
	}
	return nearest;
}

int config_key_apply(const struct config_key *key, const char *value, struct policy *p,
	char *why, size_t why_size)
{
	void *field = (char *)p + key->offset;
	char detail[256] = "";
	int r;

	if (key->list && !*value) {
		strlist_clear(field);
		return 0;
	}
	r = key->parse(key, value, field, detail, sizeof(detail));
	if (r == -EINVAL)
		(void)snprintf(why, why_size, "%s%stakes %s", detail, *detail ? "; " : "",
			key->hint);
	return r;
}
