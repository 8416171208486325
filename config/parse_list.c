/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsers of keys that hold a list: words between blanks, added to what is there. */
#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/plan/command.h"
#include "core/plan/families.h"
#include "core/plan/filter.h"
#include "core/plan/imagename.h"
#include "core/plan/netrules.h"
#include "core/plan/volumename.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_list_ _cleanup_(strlist_clear)

/* Checks one word and may shorten it; NULL, or what is wrong with it. */
typedef const char *word_check(char *word);

/* The words of @value. The reasons name every bad one, as far as they have room. */
static int words_check(struct strlist *words, const char *value, word_check *check,
	char *why, size_t why_size)
{
	size_t used = 0;

	if (strlist_add_words(words, value) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < words->n; i++) {
		const char *wrong = check(words->v[i]);

		if (!wrong || used >= why_size)
			continue;
		used += (size_t)snprintf(why + used, why_size - used, "%s'%.60s' %s",
			used ? ", " : "", words->v[i], wrong);
	}
	return used ? -EINVAL : 0;
}

/* Add the words of @value to the list, each once, when all of them are good. */
static int list_add(const char *value, struct strlist *list, word_check *check, char *why,
	size_t why_size)
{
	_cleanup_list_ struct strlist words = { 0 };
	int r = words_check(&words, value, check, why, why_size);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++)
		if (!strlist_has(list, words.v[i]) && strlist_add(list, words.v[i]) < 0)
			return -ENOMEM;
	return 0;
}

static const char *service_check(char *word)
{
	for (const char *p = word; *p; p++)
		if (!isascii(*p) || (!isalnum(*p) && !strchr("-_.+@", *p)))
			return "is no name of a file in pam.d";
	return *word == '.' ? "is no name of a file in pam.d" : NULL;
}

static const char *resolver_check(char *word)
{
	unsigned char ignored[16];

	return inet_pton(AF_INET, word, ignored) == 1 ||
			       inet_pton(AF_INET6, word, ignored) == 1
		       ? NULL
		       : "is no address";
}

int config_parse_dns(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return list_add(value, field, resolver_check, why, why_size);
}

static const char *user_check(char *word)
{
	return strpbrk(word, ":/") || strlen(word) >= POLICY_NETNS_MAX
		       ? "is no name of an account"
		       : NULL;
}

int config_parse_users(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return list_add(value, field, user_check, why, why_size);
}

static bool is_none(const char *word)
{
	return !strcmp(word, "none");
}

static const char *address_check(char *word)
{
	struct netprefix ignored[2 * NETRULES_MAX];
	size_t n = 0;

	return !is_none(word) && netrules_address(word, ignored, &n) < 0 ? "is no address"
									 : NULL;
}

/* As many as a network takes. "none" takes away what was listed before it. */
static int rules_add(const char *value, struct strlist *list, word_check *check,
	char *why, size_t why_size)
{
	_cleanup_list_ struct strlist words = { 0 };
	int r = words_check(&words, value, check, why, why_size);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++) {
		if (is_none(words.v[i]))
			strlist_clear(list);
		else if (!strlist_has(list, words.v[i]) &&
			 strlist_add(list, words.v[i]) < 0)
			return -ENOMEM;
	}
	if (list->n <= NETRULES_MAX)
		return 0;
	(void)snprintf(why, why_size, "more than %d", NETRULES_MAX);
	return -EINVAL;
}

int config_parse_addresses(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return rules_add(value, field, address_check, why, why_size);
}

static const char *port_check(char *word)
{
	struct netports ignored[2 * NETRULES_MAX];
	size_t n = 0;

	return !is_none(word) && netrules_port(word, ignored, &n) < 0 ? "is no port"
								      : NULL;
}

static const char *publish_check(char *word)
{
	struct netpublish ignored[NETRULES_MAX];
	size_t n = 0;

	return !is_none(word) && netrules_publish(word, ignored, &n) < 0
		       ? "is no port, or more than 1024"
		       : NULL;
}

int config_parse_publish(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return rules_add(value, field, publish_check, why, why_size);
}

int config_parse_ports(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return rules_add(value, field, port_check, why, why_size);
}

/* One slash between names, none at the end. */
static void path_make_plain(char *path)
{
	char *out = path;

	for (const char *p = path; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (!len)
			break;
		*out++ = '/';
		memmove(out, p, len);
		out += len;
		p += len;
	}
	*out = '\0';
}

static const char *path_check(char *path)
{
	if (*path != '/')
		return "isn't absolute";
	for (const char *p = path; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len == 2 && !memcmp(p, "..", 2))
			return "has a '..' in it";
		if (len == 1 && *p == '.')
			return "has a '.' in it";
		p += len;
	}
	if (!path[strspn(path, "/")])
		return "is the root of everything";
	path_make_plain(path);
	return NULL;
}

static const char *marked_path_check(char *word)
{
	return path_check(*word == '-' ? word + 1 : word);
}

static const char *device_check(char *word)
{
	const char *wrong = marked_path_check(word);
	const char *path = *word == '-' ? word + 1 : word;

	if (!wrong && (strncmp(path, "/dev/", 5) != 0 || !path[5]))
		wrong = "isn't below /dev";
	return wrong;
}

static const char *bind_check(char *word)
{
	char *source = *word == '-' ? word + 1 : word;
	char *colon = strchr(source, ':');
	const char *wrong;

	if (!colon)
		return path_check(source);
	if (strchr(colon + 1, ':'))
		return "has more than one ':'";
	wrong = path_check(colon + 1);
	if (wrong)
		return wrong;
	*colon = '\0';
	wrong = path_check(source);
	if (wrong) {
		*colon = ':';
		return wrong;
	}
	/* The source may have become shorter: the target follows it. */
	source += strlen(source);
	*source++ = ':';
	if (source != colon + 1)
		memmove(source, colon + 1, strlen(colon + 1) + 1);
	return NULL;
}

const char *config_bind_target(const char *entry)
{
	const char *colon = strchr(entry, ':');

	if (colon)
		return colon + 1;
	return *entry == '-' ? entry + 1 : entry;
}

int config_parse_services(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return list_add(value, field, service_check, why, why_size);
}

int config_parse_paths(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return list_add(value, field, marked_path_check, why, why_size);
}

int config_parse_devices(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return list_add(value, field, device_check, why, why_size);
}

int config_parse_binds(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return list_add(value, field, bind_check, why, why_size);
}

static const char *volume_check(char *word)
{
	size_t len = strcspn(word, ":");

	if (!word[len])
		return "has no ':'";
	if (!volumename_is_valid(word, len))
		return "has no name of a volume before the ':'";
	if (strchr(word + len + 1, ':'))
		return "has more than one ':'";
	return path_check(word + len + 1);
}

/* A later one of the same name wins. */
static int volume_put(struct strlist *list, const char *word)
{
	size_t len = strcspn(word, ":") + 1;

	for (size_t i = 0; i < list->n; i++) {
		char *copy;

		if (strncmp(list->v[i], word, len) != 0)
			continue;
		copy = strdup(word);
		if (!copy)
			return -1;
		free(list->v[i]);
		list->v[i] = copy;
		return 0;
	}
	return strlist_add(list, word);
}

int config_parse_volumes(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	_cleanup_list_ struct strlist words = { 0 };
	struct strlist *list = field;
	int r = words_check(&words, value, volume_check, why, why_size);

	(void)key;
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++)
		if (volume_put(list, words.v[i]) < 0)
			return -ENOMEM;
	return 0;
}

int config_parse_rootfs_allow(const struct config_key *key, const char *value,
	void *field, char *why, size_t why_size)
{
	_cleanup_list_ struct strlist words = { 0 };
	char name[IMAGE_NAME_MAX];

	(void)key;
	if (strlist_add_words(&words, value) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < words.n; i++)
		if (strcmp(words.v[i], "host") != 0 &&
			(imagename_parse(words.v[i], name) < 0 ||
				!strncmp(words.v[i], "image:", 6))) {
			(void)snprintf(why, why_size, "'%.60s' is no name of an image",
				words.v[i]);
			return -EINVAL;
		}
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i];

		if (strcmp(word, "host") != 0 && imagename_parse(word, name) == 0)
			word = name;
		if (!strlist_has(field, word) && strlist_add(field, word) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool is_base(const char *word)
{
	return !strcmp(word, "no") || !strcmp(word, "none") || !strcmp(word, "default");
}

/* Who can't make these gets no further than an error that tells nobody why. */
static bool is_of_every_login(const char *call)
{
	static const char *const calls[] = { "brk", "clone", "close", "execve", "exit",
		"exit_group", "mmap", "mprotect", "munmap", "openat", "read",
		"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "setgroups",
		"setresgid", "setresuid", "wait4", "write", NULL };
	const char *const *c = calls;

	while (*c && strcmp(*c, call) != 0)
		c++;
	return *c;
}

static const char *call_check(char *word)
{
	if (is_base(word) && strcmp(word, "none") != 0)
		return NULL;
	if (*word == '~' && is_of_every_login(word + 1))
		return "refuses what every login needs";
	if (*word == '~')
		word++;
	if (*word == '@')
		return filter_group_find(word)
			       ? NULL
			       : "is none of the groups of nsshell.conf(5)";
	return seccomp_syscall_resolve_name(word) == __NR_SCMP_ERROR
		       ? "is no system call that libseccomp knows"
		       : NULL;
}

static const char *family_check(char *word)
{
	if (is_base(word) || family_number(*word == '~' ? word + 1 : word) >= 0)
		return NULL;
	return "is no family of address_families(7), AF_INET say";
}

/* Words are heard in their order, also those of earlier lines: "no" and the like begin anew. */
static int hear_words(struct strlist *list, const char *value, word_check *check,
	char *why, size_t why_size)
{
	_cleanup_list_ struct strlist words = { 0 };
	int r;

	r = words_check(&words, value, check, why, why_size);
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++) {
		if (is_base(words.v[i]))
			strlist_clear(list);
		if (strlist_add(list, words.v[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int config_parse_filter(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return hear_words(field, value, call_check, why, why_size);
}

int config_parse_families(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	(void)key;
	return hear_words(field, value, family_check, why, why_size);
}

static const char *command_check(char *word)
{
	return command_name_is_valid(word) ? NULL : "is no name of a command";
}

/* "none" takes away what was listed before it, a command's name it isn't. */
int config_parse_commands(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	_cleanup_list_ struct strlist words = { 0 };
	struct strlist *list = field;
	int r;

	(void)key;
	r = words_check(&words, value, command_check, why, why_size);
	if (r < 0)
		return r;
	if (list->n + words.n > COMMANDS_MAX) {
		(void)snprintf(why, why_size, "more than %d commands", COMMANDS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < words.n; i++) {
		if (is_none(words.v[i]))
			strlist_clear(list);
		else if (!strlist_has(list, words.v[i]) &&
			 strlist_add(list, words.v[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}
