/* SPDX-License-Identifier: BSD-3-Clause */
/* The box's hosts(5): the host's text, and a line for the box's name where that has none. */
#include "core/plan/planner.h"

#include <string.h>

#define BLANK " \t\r"

/* Where the host has no such file. */
static const char usual[] = "127.0.0.1 localhost\n"
			    "::1 localhost ip6-localhost ip6-loopback\n"
			    "ff02::1 ip6-allnodes\n"
			    "ff02::2 ip6-allrouters\n";

struct field {
	const char *s;
	size_t len;
};

/* The next word of the line that *at is in, comments left out; false at the line's end. */
static bool next_field(const char **at, struct field *ret)
{
	*at += strspn(*at, BLANK);
	ret->s = *at;
	ret->len = strcspn(*at, BLANK "#\n");
	*at += ret->len;
	return ret->len > 0;
}

/* The first name that is @name, or with @dotted begins with it and a dot. */
static bool find_name(const char *text, const char *name, bool dotted, struct field *ret)
{
	size_t len = strlen(name);

	while (*text) {
		struct field address;
		bool more = next_field(&text, &address);

		while (more && next_field(&text, ret))
			if (ret->len >= len && strncasecmp(ret->s, name, len) == 0 &&
				(dotted ? ret->len > len + 1 && ret->s[len] == '.'
					: ret->len == len))
				return true;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}

/* ".example.org" of the host's own name, so that `hostname -f` tells it inside, too. */
static const char *domain_of_host(struct planner *b, const char *text)
{
	const char *host = b->in->host->hostname ? b->in->host->hostname : "";
	const char *dot = strchr(host, '.');
	struct field full;

	if (dot)
		return planner_copy(b, dot);
	if (host[0] == '\0' || !find_name(text, host, true, &full))
		return "";
	dot = full.s + strlen(host);
	return planner_text(b, "%.*s", (int)(full.s + full.len - dot), dot);
}

const char *plan_hosts(struct planner *b)
{
	const char *text = b->in->host->hosts ? b->in->host->hosts : usual;
	const char *name = b->p->hostname, *domain;
	size_t len = strlen(text);
	struct field found;

	if (b->in->host->hosts_too_large)
		planner_note(b,
			"the host's /etc/hosts isn't in the box, which has localhost and its own "
			"name only: it is larger than 8 MiB");
	if (find_name(text, name, false, &found))
		return planner_copy(b, text);
	domain = strchr(name, '.') ? "" : domain_of_host(b, text);
	return planner_text(b, "%s%s127.0.1.1 %s%s%s%s\n", text,
		len > 0 && text[len - 1] != '\n' ? "\n" : "", name, domain,
		*domain ? " " : "", *domain ? name : "");
}
