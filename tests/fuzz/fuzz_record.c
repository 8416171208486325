/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Session records. A first byte '+' says that the lines behind it replace those of the same keys
 * in a good record; else the input is the record. What can be parsed is written and parsed again,
 * and must be the same.
 */
#include "core/run/session/record.h"
#include "tests/fuzz/fuzz.h"

static void good_record(char *text, size_t size)
{
	const struct record r = { .id = "abcdef234567",
		.user = "alice",
		.uid = 1000,
		.service = "sshd",
		.since = 1700000000,
		.state = RECORD_OPEN,
		.cgroup = "nsshell/1000/abcdef234567" };

	must(record_format(&r, text, size) > 0);
}

/* Put a line in place of the one that begins with the same "key=". */
static void replace(char *text, size_t size, const char *line)
{
	size_t key = strcspn(line, "="), old, len = strlen(text), new = strlen(line);
	char *at = text;

	while (at && *at && (strncmp(at, line, key) != 0 || at[key] != '='))
		at = (at = strchr(at, '\n')) ? at + 1 : NULL;
	if (!at || !*at)
		return;
	old = strcspn(at, "\n");
	if (len - old + new >= size)
		return;
	memmove(at + new, at + old, len - (size_t)(at - text) - old + 1);
	memcpy(at, line, new);
}

static void parse_and_back(const char *text)
{
	char once[RECORD_TEXT_MAX], twice[RECORD_TEXT_MAX];
	struct record first = { 0 }, second = { 0 };
	struct err e = { 0 };

	record_glimpse("abcdef234567", text, &first);
	must(first.state == RECORD_UNKNOWN && first.user[0]);
	must(!first.cgroup[0] || strstr(first.cgroup, "/abcdef234567"));
	if (record_parse(text, &first, &e) < 0) {
		must(e.msg[0]);
		return;
	}
	must(record_id_is_valid(first.id));
	must(record_format(&first, once, sizeof(once)) > 0);
	must(record_parse(once, &second, &e) == 0);
	must(record_format(&second, twice, sizeof(twice)) > 0);
	must(strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *input = fuzz_string(data, size), text[RECORD_TEXT_MAX], *rest, *line;

	if (*input != '+') {
		parse_and_back(input);
	} else {
		good_record(text, sizeof(text));
		parse_and_back(text);
		rest = input + 1;
		while ((line = strsep(&rest, "\n")))
			replace(text, sizeof(text), line);
		parse_and_back(text);
	}
	free(input);
	return 0;
}
