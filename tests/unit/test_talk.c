/* SPDX-License-Identifier: BSD-3-Clause */
/* The helper's end of what it and nsshell-planner say to each other: somebody may speak who wants it to end badly. */
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "helpers/planner/messages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>

struct ends {
	struct talk ours, theirs;
};

static struct ends begin(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	return (struct ends){ { .sock = pair[0], .patience_ms = 1000 },
		{ .sock = pair[1], .patience_ms = 1000 } };
}

static void end(struct ends *t)
{
	cleanup_close(&t->ours.sock);
	cleanup_close(&t->theirs.sock);
	arena_clear(&t->ours.arena);
	arena_clear(&t->theirs.arena);
}

static int ask(struct ends *t, const char *name, struct err *e)
{
	const struct name_told told = { .name = name };
	union heard *heard = calloc(1, sizeof(*heard));
	int fd, kind;

	assert_non_null(heard);
	assert_int_equal(talk_say(&t->theirs, MESSAGE_LOOK, &told, -1, e), 0);
	kind = talk_hear(&t->ours, heard, &fd, e);
	if (kind > 0)
		assert_string_equal(heard->name.name, name);
	free(heard);
	return kind;
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* It says that it ends, and hands something over with that. */
static void an_end_leaves_nothing_open(void **state)
{
	struct ends t = begin();
	union heard *heard = calloc(1, sizeof(*heard));
	struct err e = { 0 };
	int before = count_fds(), fd;
	char nothing = 0;

	(void)state;
	assert_non_null(heard);
	assert_int_equal(io_send(t.theirs.sock, &nothing, 0, &t.theirs.sock, 1), 0);
	assert_int_equal(talk_hear(&t.ours, heard, &fd, &e), 0);
	assert_int_equal(count_fds(), before);
	free(heard);
	end(&t);
}

/* Each of thousands of questions could be as long as a plan, and root's memory is everybody's. */
static void all_of_it_has_an_end(void **state)
{
	struct ends t = begin();
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ask(&t, "/a", &e), MESSAGE_LOOK);
	assert_true(t.ours.heard > 0 && t.ours.heard < 64);
	t.ours.heard = TALK_MAX - 8;
	assert_int_equal(ask(&t, "/a/long/path", &e), -1);
	assert_non_null(strstr(e.msg, "too much"));
	end(&t);
}

/* While an upgrade replaces the two programs. */
static void another_build_is_told(void **state)
{
	const uint32_t head[] = { MESSAGE_LOOK, 9, 1 };
	struct ends t = begin();
	struct err e = { 0 };
	union heard *heard = calloc(1, sizeof(*heard));
	int fd;

	(void)state;
	assert_non_null(heard);
	assert_int_equal(send(t.theirs.sock, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(talk_hear(&t.ours, heard, &fd, &e), -1);
	assert_non_null(strstr(e.msg, "two versions"));
	free(heard);
	end(&t);
}

static void layouts_differ(void **state)
{
	(void)state;
	assert_int_not_equal(wire_layout(message_wires[MESSAGE_ASK]),
		wire_layout(message_wires[MESSAGE_MATTERS]));
	assert_int_not_equal(wire_layout(message_wires[MESSAGE_VERDICT]),
		wire_layout(message_wires[MESSAGE_PLAN]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_leaves_nothing_open),
		cmocka_unit_test(all_of_it_has_an_end),
		cmocka_unit_test(another_build_is_told),
		cmocka_unit_test(layouts_differ),
	};

	return cmocka_run_group_tests_name("talk", tests, NULL, NULL);
}
