/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One KEY=VALUE over a policy, as nsctl set takes it and the files of live limits have it; what
 * is refused must leave the policy as it was.
 */
#include "config/config.h"
#include "core/base/parse.h"
#include "core/plan/joinlog.h"
#include "core/plan/loginenv.h"
#include "tests/fuzz/fuzz.h"

static void parsers(const char *s)
{
	uint64_t n = 7;
	uint32_t m = 7;
	bool b;

	if (parse_u64(s, &n) < 0)
		must(n == 7);
	if (parse_u32(s, &m) < 0)
		must(m == 7);
	(void)parse_bool(s, &b);
	(void)parse_size(s, &n);
	(void)parse_count(s, &n);
	(void)parse_timespan(s, &n);
	(void)parse_percent(s, &m);
}

/* What systemd --user, who is the user's, sends to the socket that it says READY=1 to. */
static void notified(const char *s)
{
	char *text = strdup(s), *rest = text, *line;
	bool is_there = false;

	must(text);
	while ((line = strsep(&rest, "\n")))
		is_there = is_there || strcmp(line, "READY=1") == 0;
	must(parse_has_line(s, "READY=1") == is_there);
	free(text);
}

static void shown(const char *s)
{
	const char *const argv[] = { s, "second", NULL };
	char line[64];

	joinlog_command(argv, line, sizeof(line));
	for (const char *at = line; *at; at++)
		must(*at >= ' ' && *at <= '~');
	(void)loginenv_is_setting(s);
}

static void language(const char *s)
{
	char *text = strdup(s);

	must(text);
	(void)loginenv_lang(text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct policy p = { 0 };
	struct err e = { 0 };

	parsers(text);
	notified(text);
	shown(text);
	language(text);
	if (config_policy_set(&p, text, &e) < 0) {
		static const struct policy untouched;

		must(e.msg[0]);
		/* NOLINTNEXTLINE: both were zeroed whole, padding and all */
		must(memcmp(&p, &untouched, sizeof(p)) == 0);
	}
	policy_clear(&p);
	free(text);
	return 0;
}
